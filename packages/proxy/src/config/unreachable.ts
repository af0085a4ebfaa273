import { type Route, unreachableRoutes } from "@pagoda/router";
import type { PolicyRegistry } from "../policies/registry.ts";
import type { Path, Report } from "../schema/report.ts";
import { clustersOf } from "./check-policies.ts";
import type { ConfigDocument, Problem } from "./document.ts";
import type { Config } from "./schema/config.ts";

/**
 * Reports routes that can never match, because others take every request first.
 *
 * @param isKnown Whether the matches of a route are valid.
 */
export function checkReach(
  path: Path,
  routes: readonly Route[],
  isKnown: (n: number) => boolean,
  report: Report,
): void {
  const known = routes.map((route, n) => ({ route, n })).filter(({ n }) => isKnown(n));
  for (const { at, by } of unreachableRoutes(known.map(({ route }) => route))) {
    const { n } = known[at] as (typeof known)[number];
    const others = by.length > 3 ? `${by.slice(0, 3).join(", ")} and others` : by.join(" and ");
    report(
      [...path, n],
      `can never match: ${others} ${by.length === 1 ? "takes" : "take"} every request first`,
      [[...path, n, "match"]],
    );
  }
}

/** Warns about settings that have no effect and do no harm. */
export function crossWarnings(
  document: ConfigDocument,
  { listeners, clusters }: Config,
  policyRegistry: PolicyRegistry,
): readonly Problem[] {
  const used = new Set<string | undefined>();
  for (const { routes, policies: its } of listeners) {
    for (const [, name] of clustersOf(policyRegistry.listener, its)) used.add(name);
    for (const { cluster, clusters: shares = [], policies } of routes) {
      for (const name of [cluster, ...shares.map((share) => share.cluster)]) used.add(name);
      for (const [, name] of clustersOf(policyRegistry.route, policies)) used.add(name);
    }
  }
  return Object.keys(clusters)
    .filter((name) => !used.has(name))
    .map((name) => document.problem(["clusters", name], "no route uses this cluster", true));
}
