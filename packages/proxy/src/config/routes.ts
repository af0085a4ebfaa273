import type { PathMatch, PathOptions, Route, RouteMatch, RouteTableOptions } from "@pagoda/router";
import type { RoutePolicies } from "./schema/policies.ts";
import type { ListenerConfig } from "./schema/config.ts";
import type { RouteConfig } from "./schema/route.ts";

/** The path settings of a listener, as the router takes them. */
export function toPathOptions({ paths }: Pick<ListenerConfig, "paths">): PathOptions {
  const { normalize, slashes, escapedSlashes, backslashes } = paths;
  return {
    normalize,
    mergeSlashes: slashes === "merge",
    escapedSlashes,
    ...(backslashes !== undefined && { backslashes }),
  };
}

/** The settings of a listener's routes as a whole, as the router takes them. */
export function toTableOptions(
  listener: Pick<ListenerConfig, "paths" | "order" | "hostPorts">,
): RouteTableOptions {
  const { order, hostPorts } = listener;
  return { ...toPathOptions(listener), order, hostPorts };
}

/** A route as the router takes it. Contradictions are kept for the router to report. */
export function toRoute({ policies, match, ...rest }: RouteConfig): Route<string, RoutePolicies> {
  const matches =
    match === undefined ? undefined : Array.isArray(match) ? match.map(toMatch) : toMatch(match);
  const route: unknown = { ...rest, ...(matches !== undefined && { match: matches }), policy: policies };
  return route as Route<string, RoutePolicies>;
}

/** The clusters that a route sends requests to. */
export function targetsOf({
  cluster,
  clusters: shares = [],
}: Pick<RouteConfig, "cluster" | "clusters">): readonly string[] {
  return cluster === undefined ? shares.map((share) => share.cluster) : [cluster];
}

type MatchConfig = Exclude<RouteConfig["match"], undefined | readonly unknown[]>;

function toMatch({ path, ...rest }: MatchConfig): RouteMatch {
  if (path === undefined) return rest as RouteMatch;
  return { ...rest, path: (typeof path === "string" ? { prefix: path } : path) as PathMatch } as RouteMatch;
}
