import { byPrecedence, type Candidate, candidatesOf } from "./candidate.ts";
import type { RouteTableOptions } from "./options.ts";
import { withoutNames } from "./path-params.ts";
import { withoutSlash } from "./route-action.ts";
import type { FieldMatch, Route, RouteMatch } from "./route.ts";

/** A route that never matches. */
export interface Unreachable {
  /** Index in the list. */
  readonly at: number;
  readonly route: string;
  /** Names of the routes that match everything it does. */
  readonly by: readonly string[];
}

/** A candidate and the index of its route. */
interface Placed {
  readonly candidate: Candidate;
  readonly at: number;
}

/**
 * Lists routes that can never match, because others with higher precedence match everything they
 * do: the same host and path, and no condition that they lack. It finds common mistakes, such as a
 * duplicated route, or a general rule above its exceptions. It does not detect that one pattern
 * includes another.
 *
 * @param routes Without problems: see `routeProblems`.
 * @param options Those of the table.
 */
export function unreachableRoutes(
  routes: readonly Route[],
  { order = "specific", hostPorts = "ignore" }: Pick<RouteTableOptions, "order" | "hostPorts"> = {},
): readonly Unreachable[] {
  const placed = routes.flatMap((route, at): readonly Placed[] =>
    candidatesOf([{ route, selected: [], upTo: [] }], hostPorts).map((candidate) => ({ candidate, at })),
  );
  const precedes = byPrecedence(order);
  const sorted = placed.toSorted((a, b) => precedes(a.candidate, b.candidate));
  /** Candidates with higher precedence, by host and path. */
  const before = new Map<string, Placed[]>();
  const covering = new Map<number, Set<number>>();
  const reachable = new Set<number>();
  for (const one of sorted) {
    const { candidate, at } = one;
    const own = keyOf(candidate, candidate.match.path);
    const wider = [...widerKeys(candidate), ...(order === "first" ? shorterKeys(candidate) : [])];
    const others = [own, ...wider].flatMap((key) => before.get(key) ?? []);
    const covers = others.find((other) => other.at !== at && isWider(other.candidate.match, candidate.match));
    if (covers === undefined) reachable.add(at);
    else covering.set(at, (covering.get(at) ?? new Set()).add(covers.at));
    const same = before.get(own);
    if (same === undefined) before.set(own, [one]);
    else same.push(one);
  }
  return routes.flatMap(({ name }, at) => {
    const by = covering.get(at);
    if (by === undefined || reachable.has(at)) return [];
    return [{ at, route: name, by: Array.from(by, (each) => (routes[each] as Route).name) }];
  });
}

function keyOf({ host }: Pick<Candidate, "host">, path: RouteMatch["path"]): string {
  if (path === undefined) return `${host} all`;
  if ("exact" in path) return `${host} exact ${path.exact}`;
  if ("pattern" in path) return `${host} pattern ${withoutNames(path.pattern)}`;
  if ("startsWith" in path) return `${host} text ${path.startsWith}`;
  return "regex" in path ? `${host} regex ${path.regex}` : `${host} prefix ${withoutSlash(path.prefix)}`;
}

/**
 * Keys that match all of its paths. Longer paths take precedence, so a shorter prefix never hides
 * anything.
 */
function widerKeys({ host, match: { path } }: Candidate): readonly string[] {
  const all = [".*", "/.*"].map((regex) => keyOf({ host }, { regex }));
  if (path === undefined) return [];
  if ("exact" in path) return [];
  if ("regex" in path || "pattern" in path) return all;
  if ("startsWith" in path) return path.startsWith === "/" ? [...all, keyOf({ host }, undefined)] : all;
  return withoutSlash(path.prefix) === "" ? [...all, keyOf({ host }, undefined)] : all;
}

/** Keys that match all of its paths and may come before with `order: first` only. */
function shorterKeys({ host, match: { path }, text }: Candidate): readonly string[] {
  if (path === undefined) return [];
  // Of a pattern, only whole segments are known.
  const ends = Array.from(text.matchAll(/\//g), ({ index }) => index);
  if ("exact" in path || "prefix" in path) ends.push(text.length);
  const prefixes = new Set(ends.map((end) => text.slice(0, end))).add("");
  return [
    keyOf({ host }, undefined),
    ...Array.from(prefixes, (prefix) => keyOf({ host }, { prefix })),
    ...("exact" in path ? [".*", "/.*"].map((regex) => keyOf({ host }, { regex })) : []),
  ];
}

/** Whether the first has no condition, besides host and path, that the second lacks. */
function isWider(a: RouteMatch, b: RouteMatch): boolean {
  return (
    (a.methods === undefined || b.methods?.every((method) => a.methods?.includes(method)) === true) &&
    (a.headers ?? []).every((field) => (b.headers ?? []).some((each) => implies(each, field, true))) &&
    (a.query ?? []).every((field) => (b.query ?? []).some((each) => implies(each, field, false)))
  );
}

/** Whether a field that meets the first condition meets the second. */
function implies(first: FieldMatch, second: FieldMatch, ignoreCase: boolean): boolean {
  const name = ({ name }: FieldMatch): string => (ignoreCase ? name.toLowerCase() : name);
  if (name(first) !== name(second)) return false;
  if ("present" in second) return !("absent" in first);
  return textOf(first) === textOf(second);
}

function textOf({ name: _, ...test }: FieldMatch): string {
  return JSON.stringify(test);
}
