import { checkOneOf } from "@pagoda/core";
import type { HttpRequest } from "@pagoda/http";
import {
  byPrecedence,
  type Candidate,
  candidatesOf,
  comparedHost,
  type HostPorts,
  type RouteOrder,
} from "./candidate.ts";
import { explain, type Explanation } from "./explain.ts";
import { ByHost } from "./host.ts";
import { type HostTable, hostTable, onPath, search, searchPlain, searchPlainMerged } from "./host-table.ts";
import { fullPathOptions, type FullPathOptions, normalPath, type PathRefused, writtenPath } from "./path.ts";
import { problemsError, routeProblems } from "./problems.ts";
import type { RouteTableOptions } from "./options.ts";
import type { Route, Routed, RoutedBy, RouteMatch, Routes, SelectedRoute } from "./route.ts";
import { compile } from "./shares.ts";

/** A route that matches a request, with its match. */
export interface Found<C extends string = string, P = unknown> {
  readonly route: Route<C, P>;
  readonly match: RouteMatch;
}

/**
 * Compiled routes. Created by `routeTable`, immutable.
 *
 * @typeParam C Names of clusters.
 * @typeParam P Type of policies.
 * @typeParam Adds What a router with this table adds to requests.
 */
export class RouteTable<out C extends string = string, out P = unknown, out Adds = Routed<C, P>> {
  /** For the compiler only; never set. */
  declare readonly "~adds"?: Adds;
  /** The routes as given. */
  readonly routes: readonly Route<C, P>[];
  readonly pathOptions: FullPathOptions;
  readonly order: RouteOrder;
  readonly hostPorts: HostPorts;
  readonly #selected: ReadonlyMap<Route<C, P>, readonly SelectedRoute<C, P>[]>;
  /** In order of precedence. */
  readonly #candidates: readonly Candidate<C, P>[];
  readonly #hosts = new ByHost<HostTable<C, P>>();
  /** Set if no route has a host. */
  readonly #sole: HostTable<C, P> | undefined;

  /** @internal */
  constructor(
    routes: readonly Route<C, P>[],
    { order = "specific", hostPorts = "ignore", ...options }: RouteTableOptions,
  ) {
    this.pathOptions = fullPathOptions(options);
    checkOneOf("router: order", order, ["specific", "first"]);
    checkOneOf("router: hostPorts", hostPorts, ["ignore", "match"]);
    this.order = order;
    this.hostPorts = hostPorts;
    const problems = routeProblems(routes, { ...options, hostPorts });
    if (problems.length > 0) throw problemsError(problems);
    this.routes = [...routes];
    const compiled = routes.map((route) => compile(route));
    this.#selected = new Map(compiled.map(({ route, selected }) => [route, selected]));
    this.#candidates = candidatesOf(compiled, hostPorts).toSorted(byPrecedence(order));
    const ofHosts = Map.groupBy(this.#candidates, ({ host }) => host);
    for (const [host, candidates] of ofHosts) this.#hosts.set(host, hostTable(candidates, order));
    this.#sole = this.#hosts.sole;
  }

  /** Returns the path in normal form, or why it is refused. */
  pathOf(path: string): string | PathRefused {
    return normalPath(path, this.pathOptions);
  }

  /** @internal Returns what is sent for a path with this normal form. */
  writtenOf(path: string, normal: string): string {
    return this.pathOptions.normalize === "minimal" ? writtenPath(path, this.pathOptions) : normal;
  }

  /** @internal The same for a request. CONNECT has an empty path. */
  pathIn({ method, path }: HttpRequest): string | PathRefused {
    return path === "" && method === "CONNECT" ? path : this.pathOf(path);
  }

  /** Returns the route of a request, or `undefined` if none matches or the path is refused. */
  find(request: HttpRequest): Found<C, P> | undefined {
    const plain = this.lookUpPlain(request);
    if (plain !== undefined) return plain.found;
    const path = this.pathIn(request);
    return typeof path === "string" ? this.lookUp(request, path)?.found : undefined;
  }

  /**
   * @internal Returns the candidate if the path is plain. Text that was compared with a route need
   * not be scanned again. `undefined` is inconclusive.
   */
  lookUpPlain(request: HttpRequest): Candidate<C, P> | undefined {
    const sought = this.pathOptions.mergeSlashes ? searchPlainMerged : searchPlain;
    if (this.#sole !== undefined) return sought(this.#sole, request, request.path);
    const host = comparedHost(request.authority, this.hostPorts);
    return this.#hosts.first<HttpRequest, Candidate<C, P>>(host, request, request.path, sought);
  }

  /** @internal Returns the candidate for a path in normal form. */
  lookUp(request: HttpRequest, path: string): Candidate<C, P> | undefined {
    if (this.#sole !== undefined) return search(this.#sole, request, path);
    const host = comparedHost(request.authority, this.hostPorts);
    return this.#hosts.first<HttpRequest, Candidate<C, P>>(host, request, path, search);
  }

  /** @internal Returns the methods that would be routed if everything else matches. */
  allowed(request: HttpRequest, path: string): readonly string[] {
    const methods = new Set<string>();
    const host = comparedHost(request.authority, this.hostPorts);
    this.#hosts.first(host, request, path, (table: HostTable<C, P>) => {
      for (const candidate of onPath(table, path)) {
        if (candidate.acceptsFields(request))
          for (const method of candidate.match.methods ?? []) methods.add(method);
      }
      return undefined;
    });
    return [...methods].toSorted();
  }

  /** @internal Returns the selected routes of a route, one per cluster. */
  selectedOf(route: Route<C, P>): readonly SelectedRoute<C, P>[] {
    return this.#selected.get(route) ?? [];
  }

  /**
   * Explains which route matches a request and why the others do not, for example on an admin page.
   * Checks all routes.
   */
  explain(request: HttpRequest): Explanation {
    return explain(request, this.pathIn(request), this.#candidates, this);
  }
}

/**
 * Compiles routes for lookup. The most specific match wins, as in the Gateway API's HTTPRoute: by
 * host (exact, then the longest wildcard, then any), by path (exact, then patterns and regular
 * expressions with the longest literal beginning, then those with the most text outside parameters,
 * then the longest prefix), a method before none, more header fields, more query parameters, order
 * in the list. With `order: "first"`, it is the host, then the order in the list.
 *
 * Cost: grows with the path, not with the number of routes. Nothing is allocated if host and path
 * are in normal form. Patterns and regular expressions with the same literal beginning are tried
 * one by one, and so are routes that differ in method and fields only: one without a literal
 * beginning, such as `.*`, costs time on every path. No path can make one slow: see `LinearRegex`.
 *
 * @throws RangeError listing everything that is wrong with the routes, or if an option is invalid.
 */
export function routeTable<
  const C extends string = never,
  P = unknown,
  const Pattern extends string = string,
  // `| []` for tuples; `const` would make literals of the policies, too.
  Clusters extends readonly unknown[] | [] = readonly unknown[],
  Patterns extends readonly unknown[] | [] = readonly unknown[],
>(
  routes: Routes<C, P, Pattern, Clusters, Patterns>,
  options: RouteTableOptions = {},
): RouteTable<C, P, RoutedBy<C, P, Pattern, Clusters, Patterns>> {
  return new RouteTable<C, P, RoutedBy<C, P, Pattern, Clusters, Patterns>>(routes, options);
}
