import type { AnyPolicy } from "../policies/policy.ts";
import type { PolicyRegistry } from "../policies/registry.ts";
import { configured } from "../policies/stack.ts";
import type { Path } from "../schema/report.ts";
import type { ConfigDocument, Problem } from "./document.ts";
import type { Config } from "./schema/config.ts";

/** Policies that several workers serve although each of these has a state of its own. */
export function perWorkerAdvice(
  document: ConfigDocument,
  { listeners, clusters, workers }: Config,
  policies: PolicyRegistry,
): readonly Problem[] {
  if (workers === 1) return [];
  const given: Problem[] = [];
  const advise = (path: Path, its: readonly (readonly [policy: AnyPolicy, settings: unknown])[]): void => {
    for (const [{ name, state }] of its) {
      const effect: string | undefined = state?.perWorker;
      if (effect === undefined) continue;
      given.push(
        document.problem([...path, name], `each worker has its own state: ${effect}; use workers: 1`),
      );
    }
  };
  listeners.forEach((listener, at) => {
    const path: Path = ["listeners", at];
    advise([...path, "policies"], configured(policies.listener, listener.policies));
    listener.routes.forEach((route, n) =>
      advise([...path, "routes", n, "policies"], configured(policies.route, route.policies)),
    );
  });
  for (const [name, { policies: its }] of Object.entries(clusters)) {
    advise(["clusters", name, "policies"], configured(policies.cluster, its));
    advise(["clusters", name, "policies"], configured(policies.endpoint, its));
  }
  return given;
}
