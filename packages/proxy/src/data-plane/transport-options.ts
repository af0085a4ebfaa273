import type { SanMatch } from "@pagoda/http";
import type { TransportOptions } from "@pagoda/transport";
import type { ClusterConfig } from "../config/schema/cluster.ts";
import { caName, pairNames } from "../config/tls-names.ts";
import type { Origin } from "./origin.ts";
import { defined } from "../schema/defined.ts";

/**
 * How to call the origin of an endpoint. The time until the response head is bounded further out.
 */
export function transportOptions(
  { protocol, tls, pool }: ClusterConfig,
  { key, host }: Origin,
  files: ReadonlyMap<string, string>,
): TransportOptions {
  return {
    protocol,
    maxConnections: pool.maxConnections,
    connectTimeoutMs: pool.connectTimeout,
    idleTimeoutMs: pool.idleTimeout,
    keepAliveMs: pool.keepAlive,
    pingMs: pool.ping,
    headersTimeoutMs: 0,
    // Creating a TLS context for each endpoint takes time.
    ...(key.startsWith("https:") && { tls: tlsOf(tls, host, files) }),
  };
}

/**
 * What decides how endpoints are called. With other settings they may be faster or slower, so that
 * what is known of them is forgotten.
 */
export function connectionOf({ protocol, tls, client, proxy }: ClusterConfig): unknown {
  return [protocol, tls, client, proxy];
}

interface OriginTls {
  readonly ca?: string;
  readonly certificate?: string;
  readonly key?: string;
  readonly servername?: string;
  readonly sans?: readonly SanMatch[];
  readonly verify?: boolean;
}

/**
 * Trusted authorities and the client certificate, with the contents of the files in the
 * configuration.
 */
export function tlsOf(
  tls: ClusterConfig["tls"],
  host: string | undefined,
  files: ReadonlyMap<string, string>,
): OriginTls {
  const contents = (path: string | undefined) => (path === undefined ? undefined : files.get(path));
  const pair = pairNames(tls);
  return defined({
    ca: contents(caName(tls?.ca)),
    certificate: contents(pair?.certificate),
    key: contents(pair?.key),
    servername: tls?.servername ?? host,
    sans: tls?.sans,
    verify: tls?.verify,
  });
}
