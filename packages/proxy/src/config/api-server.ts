import type { Environment } from "./environment.ts";
import type { Config } from "./schema/config.ts";

/** The first cluster whose API server is unknown; undefined if there is none. */
export function withoutApiServer({ kubernetes, clusters }: Config, env: Environment): string | undefined {
  const { KUBERNETES_SERVICE_HOST: host = "" } = env;
  if (kubernetes.server !== undefined || host !== "") return undefined;
  return Object.keys(clusters).find((name) => clusters[name]?.kubernetes !== undefined);
}

export const noApiServer =
  "requires `kubernetes.server` outside a Kubernetes cluster (KUBERNETES_SERVICE_HOST is not set)";
