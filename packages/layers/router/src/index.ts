export type { HostPorts, RouteOrder } from "./candidate.ts";
export * from "./clusters.ts";
export type { Explanation, MatchExplanation, Mismatch } from "./explain.ts";
export * from "./normal-paths.ts";
export type { FromPath, PathParams } from "./path-params.ts";
export type { RouteTableOptions } from "./options.ts";
export type { PathOptions, PathRefused, PathRefusalReason } from "./path.ts";
export * from "./per-route.ts";
export { type RouteProblem, routeProblems } from "./problems.ts";
export type {
  ClusterRoute,
  DirectResponse,
  FieldMatch,
  FieldTest,
  HeaderEdits,
  PathMatch,
  Redirect,
  RedirectRoute,
  RespondRoute,
  Rewrite,
  Route,
  Routed,
  RoutedBy,
  Routes,
  RouteMatch,
  SelectedRoute,
  Share,
  SplitRoute,
} from "./route.ts";
export * from "./router.ts";
export { type Found, type RouteTable, routeTable } from "./table.ts";
export { type Unreachable, unreachableRoutes } from "./unreachable.ts";
