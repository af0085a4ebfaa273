import type { ClusterConfig } from "./schema/cluster.ts";

/**
 * The discovery source of a cluster without its DNS servers; undefined for listed endpoints.
 * Clusters with the same source can start with each other's endpoints.
 */
export function sourceOf({ dns, srv, file }: ClusterConfig): string | undefined {
  if (dns !== undefined) return JSON.stringify(["dns", dns.scheme, dns.host, dns.port]);
  if (srv !== undefined) return JSON.stringify(["srv", srv.scheme, srv.name]);
  return file === undefined ? undefined : JSON.stringify(["file", file]);
}
