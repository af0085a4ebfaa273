import { type Json, mustBe } from "@pagoda/core";
import { checkEdits, checkRedirect, checkRespond, checkRewrite, checkShares } from "./check-action.ts";
import { checkMatch } from "./check-match.ts";
import { fullPathOptions, type FullPathOptions } from "./path.ts";
import type { Report } from "./report.ts";
import type { RouteTableOptions } from "./options.ts";
import { matchesOf, type Route } from "./route.ts";

/** A problem in a list of routes. */
export interface RouteProblem {
  /** The route's name, or `routes[3]` if it has none. */
  readonly route: string;
  /** Path of the field in the route: `["match", "path", "regex"]`. */
  readonly path: readonly (string | number)[];
  readonly value: Json | undefined;
  /** What the value must be: `a host without port`. */
  readonly expected: string;
}

const actions = ["cluster", "clusters", "redirect", "respond"] as const;

/**
 * Lists everything that is wrong with routes read from a file. It does not check types; that is up
 * to the reader of the file.
 *
 * @param options Those of the table, since they decide which paths and hosts can match.
 */
export function routeProblems(
  routes: readonly Route[],
  { order: _, hostPorts = "ignore", ...options }: RouteTableOptions = {},
): readonly RouteProblem[] {
  const paths = fullPathOptions(options);
  const problems: RouteProblem[] = [];
  const names = new Set<string>();
  routes.forEach((route, n) => {
    const label = route.name || `routes[${n}]`;
    const report: Report = (path, value, expected) =>
      problems.push({ route: label, path, value: value as Json | undefined, expected });
    if (typeof route.name !== "string" || route.name === "")
      report(["name"], route.name, "a name, for metrics and logs");
    else if (names.has(route.name)) report(["name"], route.name, "a name that no other route has");
    names.add(route.name);
    const several = Array.isArray(route.match);
    if (several && matchesOf(route).length === 0)
      report(["match"], [], "a list of at least one match, or left out for all requests");
    matchesOf(route).forEach((match, m) =>
      checkMatch(match, { paths, hostPorts }, (path, value, expected) =>
        report(["match", ...(several ? [m] : []), ...path], value, expected),
      ),
    );
    checkAction(route, paths, report);
  });
  return problems;
}

function checkAction(route: Route, paths: FullPathOptions, report: Report): void {
  const given = actions.filter((action) => route[action] !== undefined);
  if (given.length !== 1) report([], given, `exactly one of ${actions.join(", ")}`);
  const { cluster, clusters, redirect, respond, rewrite, requestHeaders, responseHeaders } = route;
  if (cluster === "") report(["cluster"], cluster, "the name of a cluster");
  if (clusters !== undefined) checkShares(clusters, report);
  const prefixed = matchesOf(route).every(
    ({ path }) => path !== undefined && ("prefix" in path || "startsWith" in path),
  );
  if (redirect !== undefined) checkRedirect(redirect, prefixed, paths, report);
  if (respond !== undefined) checkRespond(respond, report);
  if (rewrite !== undefined) checkRewrite(rewrite, prefixed, paths, report);
  if (requestHeaders !== undefined) checkEdits("requestHeaders", requestHeaders, report);
  if (responseHeaders !== undefined) checkEdits("responseHeaders", responseHeaders, report);
}

/** @internal Combines all problems in one error. */
export function problemsError(problems: readonly RouteProblem[]): RangeError {
  const lines = problems.map(({ route, path, value, expected }) =>
    mustBe(`route ${route}: ${path.length === 0 ? "action" : path.join(".")}`, expected, value),
  );
  return new RangeError(`router: ${lines.join("\nrouter: ")}`);
}
