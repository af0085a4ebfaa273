import type { Request } from "./load/client.ts";
import { meshPrefix, type Topology } from "./peers/peer.ts";

/** What clients ask for. */
export interface Workload extends Topology {
  /** Name on the command line, and of the file with the results. */
  readonly name: string;
  readonly title: string;
  readonly request: Request;
  readonly responseBytes: number;
}

const nothing = Buffer.alloc(0);
const get = (path: string): Request => ({ method: "GET", path, headers: {}, body: nothing });
const http1 = { front: "http1", back: "http1", isGrpc: false } as const;

export const smallBytes = 127;
const kibibyte = 1_024;

/** Paths of the origin. */
export const paths = {
  small: "/",
  medium: "/16k",
  large: "/1m",
  grpc: "/bench.Echo/Unary",
} as const;

/** A message of gRPC: not compressed, four bytes of length, and so many bytes. */
export function grpcMessage(bytes: number): Buffer {
  const message = Buffer.alloc(5 + bytes, "x");
  message[0] = 0;
  message.writeUInt32BE(bytes, 1);
  return message;
}

export const workloads: readonly Workload[] = [
  {
    name: "small-get",
    title: `GET, ${smallBytes} bytes`,
    ...http1,
    request: get(paths.small),
    responseBytes: smallBytes,
  },
  {
    name: "get-16k",
    title: "GET, 16 KiB",
    ...http1,
    request: get(paths.medium),
    responseBytes: 16 * kibibyte,
  },
  {
    name: "get-1m",
    title: "GET, 1 MiB",
    ...http1,
    request: get(paths.large),
    responseBytes: kibibyte ** 2,
  },
  {
    name: "post-16k",
    title: `POST, 16 KiB, answered with ${smallBytes} bytes`,
    ...http1,
    request: { method: "POST", path: paths.small, headers: {}, body: Buffer.alloc(16 * kibibyte, "x") },
    responseBytes: smallBytes,
  },
  {
    name: "tls",
    title: `GET, ${smallBytes} bytes, HTTP/1.1 over TLS from clients`,
    ...http1,
    front: "tls",
    request: get(paths.small),
    responseBytes: smallBytes,
  },
  {
    name: "h2-front",
    title: `GET, ${smallBytes} bytes, cleartext HTTP/2 from clients`,
    ...http1,
    front: "http2",
    request: get(paths.small),
    responseBytes: smallBytes,
  },
  {
    name: "h2c-origin",
    title: `GET, ${smallBytes} bytes, cleartext HTTP/2 to the origin`,
    ...http1,
    back: "http2",
    request: get(paths.small),
    responseBytes: smallBytes,
  },
  {
    name: "grpc",
    title: "gRPC, unary, messages of 22 bytes",
    front: "http2",
    back: "http2",
    isGrpc: true,
    request: {
      method: "POST",
      path: paths.grpc,
      headers: { "content-type": "application/grpc", te: "trailers" },
      body: grpcMessage(22),
    },
    responseBytes: grpcMessage(22).length,
  },
];

/** In the configuration of a mesh only one of many routes leads to the origin's path. */
export function requestOf({ request }: Workload, isMesh: boolean): Request {
  if (!isMesh) return request;
  return { ...request, path: request.path === "/" ? `${meshPrefix}/items` : `${meshPrefix}${request.path}` };
}

/** How many requests share an HTTP/2 connection: with 64 clients 4 connections, as between two programs of a mesh. */
export function streamsPerConnection(concurrency: number): number {
  return concurrency <= 64 ? 16 : 32;
}

/**
 * nginx has no HTTP/2 to origins, except for gRPC. It is included anyway, with HTTP/1.1 to the origin.
 */
export function nearest({ name }: { readonly name: string }, workload: Workload): Workload {
  const isImpossible = name === "nginx" && workload.back === "http2" && !workload.isGrpc;
  return isImpossible ? { ...workload, back: "http1" } : workload;
}
