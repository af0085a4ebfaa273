import type { CalledCluster } from "../policies/policy.ts";
import type { PolicyRegistry } from "../policies/registry.ts";
import type { Path, Report } from "../schema/report.ts";
import { clustersOf } from "./check-policies.ts";
import type { Config } from "./schema/config.ts";

/** Policies may call clusters that must speak a certain protocol. */
export function checkCalled({ listeners, clusters }: Config, policies: PolicyRegistry, report: Report): void {
  const check = (place: Path, [at, name, protocol]: CalledCluster): void => {
    const called = clusters[name];
    if (protocol === undefined || called === undefined || called.protocol === protocol) return;
    const path = [...place, "policies", ...at];
    const by: Path[] = [path, ["clusters", name]];
    report(path, `must be a cluster with protocol: ${protocol} (got "${name}", ${called.protocol})`, by);
  };
  listeners.forEach((listener, n) => {
    const place: Path = ["listeners", n];
    for (const called of clustersOf(policies.listener, listener.policies)) check(place, called);
    listener.routes.forEach((route, r) => {
      for (const called of clustersOf(policies.route, route.policies)) check([...place, "routes", r], called);
    });
  });
}
