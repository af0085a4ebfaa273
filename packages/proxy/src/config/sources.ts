import type { ClusterConfig } from "./schema/cluster.ts";

type Discovered = Pick<ClusterConfig, "dns" | "srv" | "kubernetes" | "xds" | "tls" | "file">;
type Kubernetes = NonNullable<ClusterConfig["kubernetes"]>;

/**
 * The discovery source of a cluster without its DNS servers; undefined for listed endpoints.
 * Clusters with the same source can start with each other's endpoints.
 */
export function sourceOf(cluster: { readonly kubernetes: Kubernetes }): string;
export function sourceOf(cluster: Discovered): string | undefined;
export function sourceOf({ dns, srv, kubernetes, xds, tls, file }: Discovered): string | undefined {
  if (dns !== undefined) return JSON.stringify(["dns", dns.scheme, dns.host, dns.port]);
  if (srv !== undefined) return JSON.stringify(["srv", srv.scheme, srv.name]);
  if (kubernetes !== undefined) {
    const { scheme, namespace, service, port } = kubernetes;
    return JSON.stringify(["kubernetes", scheme, namespace, service, port]);
  }
  if (xds !== undefined) return JSON.stringify(["xds", tls === undefined ? "http" : "https", xds]);
  return file === undefined ? undefined : JSON.stringify(["file", file]);
}
