import type { PolicyRegistry } from "../policies/registry.ts";
import { clustersOf, storesOf } from "./check-policies.ts";
import { adviceProblem } from "./advice.ts";
import type { ConfigDocument, Problem } from "./document.ts";
import { targetsOf } from "./routes.ts";
import type { Config } from "./schema/config.ts";

/** Warns about clusters and stores without effect, which do no harm. */
export function unusedParts(
  document: ConfigDocument,
  config: Config,
  policies: PolicyRegistry,
): readonly Problem[] {
  const clusters = usedClusters(config, policies);
  const stores = storesOf(config, policies);
  const unused = (all: object, used: ReadonlySet<string>): readonly string[] =>
    Object.keys(all).filter((name) => !used.has(name));
  return [
    ...unused(config.clusters, clusters).map((name) =>
      adviceProblem(
        document,
        ["clusters", name],
        "a-cluster-that-no-route-uses",
        "no route uses this cluster",
        true,
      ),
    ),
    ...unused(config.stores, stores).map((name) =>
      adviceProblem(
        document,
        ["stores", name],
        "a-store-that-no-limit-uses",
        "no limit uses this store",
        true,
      ),
    ),
  ];
}

/** The clusters that routes and policies name. */
function usedClusters({ listeners }: Config, policies: PolicyRegistry): ReadonlySet<string> {
  const used = new Set<string>();
  for (const listener of listeners) {
    for (const [, name] of clustersOf(policies.listener, listener.policies)) used.add(name);
    for (const route of listener.routes) {
      for (const name of targetsOf(route)) used.add(name);
      for (const [, name] of clustersOf(policies.route, route.policies)) used.add(name);
    }
  }
  return used;
}
