import { type Route, unreachableRoutes } from "@pagoda/router";
import type { Path, Report } from "../schema/report.ts";
import { adviceProblem } from "./advice.ts";
import type { ConfigDocument, Problem } from "./document.ts";
import { toRoute } from "./routes.ts";
import type { Config, ListenerConfig } from "./schema/config.ts";

interface Reach {
  readonly order: ListenerConfig["order"];
  readonly hostPorts: ListenerConfig["hostPorts"];
  /** Whether the matches of a route are valid. */
  readonly isKnown: (n: number) => boolean;
}

/** Reports routes that can never match, because others take every request first. */
export function checkReach(
  path: Path,
  routes: readonly Route[],
  { order, hostPorts, isKnown }: Reach,
  report: Report,
): void {
  const known = routes.map((route, n) => ({ route, n })).filter(({ n }) => isKnown(n));
  const all = known.map(({ route }) => route);
  for (const { at, by } of unreachableRoutes(all, { order, hostPorts })) {
    const { n } = known[at] as (typeof known)[number];
    const others = by.length > 3 ? `${by.slice(0, 3).join(", ")} and others` : by.join(" and ");
    report(
      [...path, n],
      `can never match: ${others} ${by.length === 1 ? "takes" : "take"} every request first`,
      [[...path, n, "match"]],
    );
  }
}

/**
 * Warns about routes that can never match where the order counts: there, a general route above
 * others is often meant for the moment.
 */
export function unreachableWarnings(document: ConfigDocument, { listeners }: Config): readonly Problem[] {
  const problems: Problem[] = [];
  listeners.forEach(({ order, hostPorts, routes }, at) => {
    if (order !== "first") return;
    checkReach(
      ["listeners", at, "routes"],
      routes.map(toRoute),
      { order, hostPorts, isKnown: () => true },
      (path, text) =>
        void problems.push(adviceProblem(document, path, "a-route-that-can-never-match", text, true)),
    );
  });
  return problems;
}
