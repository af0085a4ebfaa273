import type { HttpRequest } from "@pagoda/http";
import type { Candidate, RouteOrder } from "./candidate.ts";
import { isPlain } from "./path.ts";
import { locate, TreeBuilder, type TreeNode } from "./path-tree.ts";

/** Candidates for one host, or for any. */
export interface HostTable<C extends string, P> {
  readonly tree: TreeNode<Candidate<C, P>>;
  /** Candidates without a path condition, for `OPTIONS *`. */
  readonly pathless: readonly Candidate<C, P>[];
  /** Those of them that apply to CONNECT. */
  readonly tunnels: readonly Candidate<C, P>[];
  readonly order: RouteOrder;
}

/** Compiles the candidates for a host, which are in order of precedence. */
export function hostTable<C extends string, P>(
  candidates: readonly Candidate<C, P>[],
  order: RouteOrder,
): HostTable<C, P> {
  const builder = new TreeBuilder<Candidate<C, P>>();
  for (const candidate of candidates) {
    const { path } = candidate.match;
    const exact = path !== undefined && "exact" in path;
    builder.add(exact ? "exact" : candidate.pattern ? "patterns" : "prefixes", candidate.text, candidate);
  }
  const pathless = candidates.filter(({ match }) => match.path === undefined);
  const tunnels = pathless.filter(({ takesConnect }) => takesConnect);
  return { tree: builder.build(), pathless, tunnels, order };
}

const slash = 0x2f;

/** Returns the first candidate, in order of precedence, that accepts the request. */
export function search<C extends string, P>(
  table: HostTable<C, P>,
  request: HttpRequest,
  path: string,
): Candidate<C, P> | undefined {
  if (path === "*") return firstOf(table.pathless, request);
  if (path === "") return firstOf(table.tunnels, request);
  return searchFrom(table.order, locate(table.tree, path), request, path);
}

/** The same if the path is plain; otherwise `undefined`. */
export function searchPlain<C extends string, P>(
  { tree, order }: HostTable<C, P>,
  request: HttpRequest,
  path: string,
): Candidate<C, P> | undefined {
  const end = locate(tree, path);
  return end.plain && isPlain(path, false, end.length) ? searchFrom(order, end, request, path) : undefined;
}

/** The same if slashes are merged. */
export function searchPlainMerged<C extends string, P>(
  { tree, order }: HostTable<C, P>,
  request: HttpRequest,
  path: string,
): Candidate<C, P> | undefined {
  const end = locate(tree, path);
  return end.plain && isPlain(path, true, end.length) ? searchFrom(order, end, request, path) : undefined;
}

function searchFrom<C extends string, P>(
  order: RouteOrder,
  end: TreeNode<Candidate<C, P>>,
  request: HttpRequest,
  path: string,
): Candidate<C, P> | undefined {
  return order === "first" ? firstFrom(end, request, path) : mostSpecificFrom(end, request, path);
}

function mostSpecificFrom<C extends string, P>(
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
    const isSegment = node.length === path.length || path.charCodeAt(node.length) === slash;
    const found = earlierOf(node.prefixes, request, undefined, isSegment);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The same nodes hold everything that can match; those of each are in order. */
function firstFrom<C extends string, P>(
  end: TreeNode<Candidate<C, P>>,
  request: HttpRequest,
  path: string,
): Candidate<C, P> | undefined {
  let first = end.length === path.length ? earlierOf(end.exact, request, undefined, true) : undefined;
  for (let node: typeof end | undefined = end; node !== undefined; node = node.upToPatterns) {
    const { patterns } = node;
    for (let n = 0; n < patterns.length; n++) {
      const candidate = patterns[n] as Candidate<C, P>;
      if (first !== undefined && candidate.position > first.position) break;
      if (candidate.pattern?.matchesRest(path) && candidate.accepts(request)) first = candidate;
    }
  }
  for (let node: typeof end | undefined = end; node !== undefined; node = node.upToPrefixes) {
    const isSegment = node.length === path.length || path.charCodeAt(node.length) === slash;
    first = earlierOf(node.prefixes, request, first, isSegment);
  }
  return first;
}

/**
 * Returns the first candidate that accepts the request, if it comes before the one given.
 *
 * @param isSegment Whether the text ends with a segment; otherwise only `startsWith` matches.
 */
function earlierOf<C extends string, P>(
  candidates: readonly Candidate<C, P>[],
  request: HttpRequest,
  than: Candidate<C, P> | undefined,
  isSegment: boolean,
): Candidate<C, P> | undefined {
  for (let n = 0; n < candidates.length; n++) {
    const candidate = candidates[n] as Candidate<C, P>;
    if (than !== undefined && candidate.position > than.position) return than;
    if ((isSegment || candidate.isText) && candidate.accepts(request)) return candidate;
  }
  return than;
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

/** Yields all candidates whose path matches. */
export function* onPath<C extends string, P>(
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
    const isSegment = node.length === path.length || path.charCodeAt(node.length) === slash;
    yield* node.prefixes.filter(({ isText }) => isSegment || isText);
  }
}
