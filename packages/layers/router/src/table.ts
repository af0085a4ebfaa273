import { hostOf, type Random, systemRandom } from "@pagoda/core";
import type { HttpRequest } from "@pagoda/http";
import { byPrecedence, Candidate, type Compiled } from "./candidate.ts";
import { explain, type Explanation } from "./explain.ts";
import { ByHost } from "./host.ts";
import {
  fullPathOptions,
  type FullPathOptions,
  isPlain,
  normalPath,
  type PathOptions,
  type PathRefused,
  writtenPath,
} from "./path.ts";
import { problemsError, routeProblems } from "./problems.ts";
import { matchesOf, type Route, type RouteMatch, type SelectedRoute } from "./route.ts";
import { locate, TreeBuilder, type TreeNode } from "./path-tree.ts";

/** A route that matches a request, and which of its matches does. */
export interface Found<C extends string = string, P = unknown> {
  readonly route: Route<C, P>;
  readonly match: RouteMatch;
}

/** The candidates for one host, or for any. */
interface HostTable<C extends string, P> {
  readonly tree: TreeNode<Candidate<C, P>>;
  /** Those that say nothing of the path, for `OPTIONS *`. */
  readonly pathless: readonly Candidate<C, P>[];
  /** Those of them that a CONNECT can go by. */
  readonly tunnels: readonly Candidate<C, P>[];
}

/**
 * Routes, made ready for looking them up. `routeTable` makes one; it never changes.
 *
 * @typeParam C The clusters that its routes name.
 * @typeParam P Their policies.
 */
export class RouteTable<out C extends string = string, out P = unknown> {
  /** As they were given. */
  readonly routes: readonly Route<C, P>[];
  readonly pathOptions: FullPathOptions;
  readonly #selected: ReadonlyMap<Route<C, P>, readonly SelectedRoute<C, P>[]>;
  /** In the order of precedence. */
  readonly #candidates: readonly Candidate<C, P>[];
  readonly #hosts = new ByHost<HostTable<C, P>>();
  /** Where no route names a host. */
  readonly #sole: HostTable<C, P> | undefined;

  /** @internal */
  constructor(routes: readonly Route<C, P>[], options: PathOptions) {
    this.pathOptions = fullPathOptions(options);
    const problems = routeProblems(routes, options);
    if (problems.length > 0) throw problemsError(problems);
    this.routes = [...routes];
    const compiled = routes.map((route) => compile(route));
    this.#selected = new Map(compiled.map(({ route, selected }) => [route, selected]));
    this.#candidates = compiled
      .flatMap((each) =>
        matchesOf(each.route).flatMap((match) =>
          (match.hosts ?? [undefined]).map((host) => new Candidate(each, match, host)),
        ),
      )
      .toSorted(byPrecedence);
    const ofHosts = Map.groupBy(this.#candidates, ({ host }) => host);
    for (const [host, candidates] of ofHosts) this.#hosts.set(host, hostTable(candidates));
    this.#sole = this.#hosts.sole;
  }

  /** The path as it is matched, or why it is not. */
  pathOf(path: string): string | PathRefused {
    return normalPath(path, this.pathOptions);
  }

  /** @internal What is sent for a path with that normal form. */
  writtenOf(path: string, normal: string): string {
    return this.pathOptions.normalize === "minimal" ? writtenPath(path, this.pathOptions) : normal;
  }

  /** @internal The same of a request: CONNECT has none, and that is its form. */
  pathIn({ method, path }: HttpRequest): string | PathRefused {
    return path === "" && method === "CONNECT" ? path : this.pathOf(path);
  }

  /** The route of a request; `undefined` where none matches, or the path is refused. */
  find(request: HttpRequest): Found<C, P> | undefined {
    const plain = this.lookUpPlain(request);
    if (plain !== undefined) return plain.found;
    const path = this.pathIn(request);
    return typeof path === "string" ? this.lookUp(request, path)?.found : undefined;
  }

  /**
   * @internal The candidate where the path is plain: what is matched against the text of a route need not be looked at
   * a second time. `undefined` says nothing.
   */
  lookUpPlain(request: HttpRequest): Candidate<C, P> | undefined {
    const sought = this.pathOptions.mergeSlashes ? searchPlainMerged : searchPlain;
    if (this.#sole !== undefined) return sought(this.#sole, request, request.path);
    const host = hostOf(request.authority);
    return this.#hosts.first<HttpRequest, Candidate<C, P>>(host, request, request.path, sought);
  }

  /** @internal The candidate for a path in its normal form. */
  lookUp(request: HttpRequest, path: string): Candidate<C, P> | undefined {
    if (this.#sole !== undefined) return search(this.#sole, request, path);
    const host = hostOf(request.authority);
    return this.#hosts.first<HttpRequest, Candidate<C, P>>(host, request, path, search);
  }

  /** @internal The methods that would be routed, where only the method is wrong. */
  allowed(request: HttpRequest, path: string): readonly string[] {
    const methods = new Set<string>();
    const host = hostOf(request.authority);
    this.#hosts.first(host, request, path, (table: HostTable<C, P>) => {
      for (const candidate of onPath(table, path)) {
        if (candidate.acceptsFields(request))
          for (const method of candidate.match.methods ?? []) methods.add(method);
      }
      return undefined;
    });
    return [...methods].toSorted();
  }

  /** @internal What a route selects: one for each of its clusters. */
  selectedOf(route: Route<C, P>): readonly SelectedRoute<C, P>[] {
    return this.#selected.get(route) ?? [];
  }

  /** Which route matches a request, and of each other one why it does not: for an admin's page. Looks at all of them. */
  explain(request: HttpRequest): Explanation {
    return explain(request, this.pathIn(request), this.#candidates);
  }
}

/**
 * Makes routes ready for looking them up. The most specific one that matches is found, as the Gateway API has it for
 * HTTPRoute: by host (exact, then the longest wildcard, then any), by path (exact, then patterns, then the longest
 * prefix), then with a method before without, then with more header fields, then with more query parameters; of equals
 * the one written first.
 *
 * Cost: grows with the path, not with the number of routes; nothing is allocated where host and path are in their normal
 * form already. Patterns with the same literal beginning are tried one after the other, and so are routes that differ in
 * method and fields alone: a pattern that begins with no literal, such as `.*`, costs something on each path. No pattern
 * can be made slow: see `LinearRegex`.
 *
 * @throws RangeError that lists everything that is wrong with the routes, or when an option is out of range.
 */
export function routeTable<const C extends string = never, P = unknown>(
  routes: readonly Route<C, P>[],
  options: PathOptions = {},
): RouteTable<C, P> {
  return new RouteTable(routes, options);
}

/** Chooses among what a route selects; weights are reached in the long run, whatever came before. */
export function select<C extends string, P>(
  { selected, upTo }: Compiled<C, P>,
  random: Random = systemRandom,
): SelectedRoute<C, P> {
  if (selected.length === 1) return selected[0] as SelectedRoute<C, P>;
  const chance = random();
  let at = 0;
  while (at < selected.length - 1 && chance >= (upTo[at] as number)) at++;
  return selected[at] as SelectedRoute<C, P>;
}

function compile<C extends string, P>(route: Route<C, P>): Compiled<C, P> {
  const shares = sharesOf(route);
  const total = shares.reduce((sum, { weight }) => sum + weight, 0);
  let sum = 0;
  return {
    route,
    selected: shares.map(({ cluster }) => ({ name: route.name, cluster, policy: route.policy })),
    upTo: shares.map(({ weight }) => (sum += weight) / total),
  };
}

function sharesOf<C extends string, P>(
  route: Route<C, P>,
): readonly { readonly cluster: C; readonly weight: number }[] {
  if (route.cluster !== undefined) return [{ cluster: route.cluster, weight: 1 }];
  return route.clusters ?? [];
}

function hostTable<C extends string, P>(candidates: readonly Candidate<C, P>[]): HostTable<C, P> {
  const builder = new TreeBuilder<Candidate<C, P>>();
  for (const candidate of candidates) {
    const { path } = candidate.match;
    const exact = path !== undefined && "exact" in path;
    builder.add(exact ? "exact" : candidate.pattern ? "patterns" : "prefixes", candidate.text, candidate);
  }
  const pathless = candidates.filter(({ match }) => match.path === undefined);
  return { tree: builder.build(), pathless, tunnels: pathless.filter(({ takesConnect }) => takesConnect) };
}

const slash = 0x2f;

/** The first in the order of precedence that accepts the request. */
function search<C extends string, P>(
  table: HostTable<C, P>,
  request: HttpRequest,
  path: string,
): Candidate<C, P> | undefined {
  if (path === "*") return firstOf(table.pathless, request);
  if (path === "") return firstOf(table.tunnels, request);
  return searchFrom(locate(table.tree, path), request, path);
}

/** The same, if the path is plain. */
function searchPlain<C extends string, P>(
  { tree }: HostTable<C, P>,
  request: HttpRequest,
  path: string,
): Candidate<C, P> | undefined {
  const end = locate(tree, path);
  return end.plain && isPlain(path, false, end.length) ? searchFrom(end, request, path) : undefined;
}

function searchPlainMerged<C extends string, P>(
  { tree }: HostTable<C, P>,
  request: HttpRequest,
  path: string,
): Candidate<C, P> | undefined {
  const end = locate(tree, path);
  return end.plain && isPlain(path, true, end.length) ? searchFrom(end, request, path) : undefined;
}

function searchFrom<C extends string, P>(
  end: TreeNode<Candidate<C, P>>,
  request: HttpRequest,
  path: string,
): Candidate<C, P> | undefined {
  if (end.length === path.length) {
    const found = firstOf(end.exact, request);
    if (found !== undefined) return found;
  }
  for (let node: typeof end | undefined = end; node !== undefined; node = node.upToPatterns) {
    const { patterns } = node;
    for (let n = 0; n < patterns.length; n++) {
      const candidate = patterns[n] as Candidate<C, P>;
      if (candidate.pattern?.matchesRest(path) && candidate.accepts(request)) return candidate;
    }
  }
  for (let node: typeof end | undefined = end; node !== undefined; node = node.upToPrefixes) {
    if (node.length !== path.length && path.charCodeAt(node.length) !== slash) continue;
    const found = firstOf(node.prefixes, request);
    if (found !== undefined) return found;
  }
  return undefined;
}

function firstOf<C extends string, P>(
  candidates: readonly Candidate<C, P>[],
  request: HttpRequest,
): Candidate<C, P> | undefined {
  for (let n = 0; n < candidates.length; n++) {
    const candidate = candidates[n] as Candidate<C, P>;
    if (candidate.accepts(request)) return candidate;
  }
  return undefined;
}

/** All whose path is right. */
function* onPath<C extends string, P>(
  { tree, pathless, tunnels }: HostTable<C, P>,
  path: string,
): Generator<Candidate<C, P>> {
  if (path === "*") return yield* pathless;
  if (path === "") return yield* tunnels;
  const end = locate(tree, path);
  if (end.length === path.length) yield* end.exact;
  for (let node: typeof end | undefined = end; node !== undefined; node = node.upToPatterns)
    yield* node.patterns.filter(({ pattern }) => pattern?.matchesRest(path));
  for (let node: typeof end | undefined = end; node !== undefined; node = node.upToPrefixes) {
    if (node.length === path.length || path.charCodeAt(node.length) === slash) yield* node.prefixes;
  }
}
