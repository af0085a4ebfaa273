import type { ClusterConfig } from "./schema/cluster.ts";

/**
 * What a cluster's endpoints are looked up by, without who is asked; `undefined`: they are listed. Of clusters that have
 * the same, one may begin with what another knows.
 */
export function sourceOf({ dns, srv, file }: ClusterConfig): string | undefined {
  if (dns !== undefined) return JSON.stringify(["dns", dns.scheme, dns.host, dns.port]);
  if (srv !== undefined) return JSON.stringify(["srv", srv.scheme, srv.name]);
  return file === undefined ? undefined : JSON.stringify(["file", file]);
}
