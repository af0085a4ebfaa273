import type { TransportOptions } from "@pagoda/transport";
import type { ClusterConfig } from "../config/schema/cluster.ts";
import type { Origin } from "./endpoints.ts";
import { given } from "./given.ts";

/** How the origin of an endpoint is called. The time for a response's head is bounded further out. */
export function transportOptions(
  { protocol, tls, pool }: ClusterConfig,
  { host }: Origin,
  files: ReadonlyMap<string, string>,
): TransportOptions {
  const servername = tls?.servername ?? host;
  return {
    protocol,
    maxConnections: pool.maxConnections,
    connectTimeoutMs: pool.connectTimeout,
    idleTimeoutMs: pool.idleTimeout,
    keepAliveMs: pool.keepAlive,
    headersTimeoutMs: 0,
    tls: given({
      ca: tls?.ca === undefined ? undefined : files.get(tls.ca),
      certificate: tls?.certificate === undefined ? undefined : files.get(tls.certificate),
      key: tls?.key === undefined ? undefined : files.get(tls.key),
      servername,
      verify: tls?.verify,
    }),
  };
}
