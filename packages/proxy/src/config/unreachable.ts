import { type Route, unreachableRoutes } from "@pagoda/router";
import type { Path, Report } from "../schema/report.ts";

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
