import type { HttpRequest } from "@pagoda/http";
import type { Candidate } from "./candidate.ts";
import { isPlain } from "./path.ts";
import { locate, TreeBuilder, type TreeNode } from "./path-tree.ts";

/** Candidates for one host, or for any. */
export interface HostTable<C extends string, P> {
  readonly tree: TreeNode<Candidate<C, P>>;
  /** Candidates without a path condition, for `OPTIONS *`. */
  readonly pathless: readonly Candidate<C, P>[];
  /** Those of them that apply to CONNECT. */
  readonly tunnels: readonly Candidate<C, P>[];
}

/** Compiles the candidates for a host, which are in order of precedence. */
export function hostTable<C extends string, P>(candidates: readonly Candidate<C, P>[]): HostTable<C, P> {
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

/** Returns the first candidate, in order of precedence, that accepts the request. */
export function search<C extends string, P>(
  table: HostTable<C, P>,
  request: HttpRequest,
  path: string,
): Candidate<C, P> | undefined {
  if (path === "*") return firstOf(table.pathless, request);
  if (path === "") return firstOf(table.tunnels, request);
  return searchFrom(locate(table.tree, path), request, path);
}

/** The same if the path is plain; otherwise `undefined`. */
export function searchPlain<C extends string, P>(
  { tree }: HostTable<C, P>,
  request: HttpRequest,
  path: string,
): Candidate<C, P> | undefined {
  const end = locate(tree, path);
  return end.plain && isPlain(path, false, end.length) ? searchFrom(end, request, path) : undefined;
}

/** The same if slashes are merged. */
export function searchPlainMerged<C extends string, P>(
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
    if (node.length === path.length || path.charCodeAt(node.length) === slash) yield* node.prefixes;
  }
}
