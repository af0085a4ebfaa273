/** How to reach the API server. */
export interface ApiServer {
  /** `https://host:port`. */
  readonly origin: string;
  /** File with the bearer token, read for each request, as tokens are renewed. */
  readonly tokenFile: string;
  /** File with the certificate authorities of the API server (PEM), read for each connection. */
  readonly caFile: string;
}

/** Where Kubernetes mounts the credentials of a pod's service account. */
const mount = "/var/run/secrets/kubernetes.io/serviceaccount";

/**
 * Returns the API server of the cluster in which the program runs, with the credentials of the
 * pod's service account; `undefined` outside a cluster.
 *
 * @param env Environment variables: `KUBERNETES_SERVICE_HOST` and `KUBERNETES_SERVICE_PORT`, which
 * Kubernetes sets in each container.
 */
export function apiServer(env: Readonly<Record<string, string | undefined>>): ApiServer | undefined {
  const { KUBERNETES_SERVICE_HOST: host = "", KUBERNETES_SERVICE_PORT: port = "443" } = env;
  if (host === "") return undefined;
  return {
    origin: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
    tokenFile: `${mount}/token`,
    caFile: `${mount}/ca.crt`,
  };
}
