import { fileURLToPath } from "node:url";
import { nginxProxy } from "./nginx.ts";

/** What is there for a peer to use: everything on the loopback address. */
export interface Place {
  /** A temporary folder of its own. */
  readonly folder: string;
  readonly port: number;
  readonly adminPort: number;
  /** `http://127.0.0.1:port` */
  readonly origin: string;
}

/** A proxy to measure. */
export interface Peer {
  /** As it is called on the command line. */
  readonly name: string;
  /** As the table calls it. */
  readonly label: string;
  readonly command: (place: Place) => readonly string[];
  readonly env?: (place: Place) => Readonly<Record<string, string>>;
  /** Answers 200 once the proxy can take requests. Without it the proxy itself is asked. */
  readonly readyUrl?: (place: Place) => string;
}

const script = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** The first is what the others are compared with. */
export const peers: readonly Peer[] = [
  {
    name: "nginx",
    label: "nginx",
    command: ({ folder, port, origin }) => nginxProxy(folder, port, origin),
  },
  {
    name: "pagoda",
    label: "pagoda",
    command: () => [process.execPath, script("../../proxy/src/main.ts")],
    env: ({ port, adminPort, origin }) => ({
      PROXY_LISTEN_ADDR: `127.0.0.1:${port}`,
      PROXY_METRICS_ADDR: `127.0.0.1:${adminPort}`,
      PROXY_UPSTREAM_ADDRS: origin,
      // It has one core.
      PROXY_WORKERS: "1",
      LOG_LEVEL: "warn",
    }),
    readyUrl: ({ adminPort }) => `http://127.0.0.1:${adminPort}/readyz`,
  },
  {
    name: "sketch",
    label: "sketch: `node:http` + undici `dispatch`",
    command: ({ port, origin }) => [process.execPath, script("./sketch.ts"), String(port), origin],
  },
  {
    name: "copy",
    label: "socket copy: Node, no HTTP",
    command: ({ port, origin }) => [process.execPath, script("./copy.ts"), String(port), origin],
  },
];
