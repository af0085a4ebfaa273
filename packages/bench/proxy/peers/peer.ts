/** Protocols that a proxy speaks with clients and with origins. */
export interface Topology {
  /** `http2` is cleartext HTTP/2 with prior knowledge. */
  readonly front: "http1" | "tls" | "http2";
  readonly back: "http1" | "http2";
  /** Calls are gRPC: some proxies forward those in another way. */
  readonly isGrpc: boolean;
}

/** Everything a peer needs for its configuration. All addresses are on the loopback interface. */
export interface Place extends Topology {
  /** A temporary folder of its own. */
  readonly folder: string;
  readonly port: number;
  readonly adminPort: number;
  /** `127.0.0.1:port`: the same origin on several ports. */
  readonly origins: readonly [string, ...string[]];
  readonly certificate: Certificate;
}

/** PEM files. */
export interface Certificate {
  readonly certificate: string;
  readonly key: string;
  /** Both in one file. */
  readonly combined: string;
}

/** A proxy to measure. */
export interface Peer {
  /** Name on the command line. */
  readonly name: string;
  /** Name in tables. */
  readonly label: string;
  /** @throws With the reason, when it cannot be installed or run. */
  readonly version: () => string;
  /** @throws {Unsupported} When the proxy cannot do what is asked for. */
  readonly command: (place: Place) => readonly string[];
  /** Has the policies of a mesh: requests go to one of its routes. */
  readonly isMesh?: true;
}

/** The workload is not measured with this proxy. */
export class Unsupported extends Error {
  override readonly name = "Unsupported";
}

/** Routes in the configuration of a mesh. */
export const meshRoutes = 100;
/** Where the requests of a benchmark go, in the configuration of a mesh. */
export const meshPrefix = "/service-50";
