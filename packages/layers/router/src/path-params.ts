/**
 * The parameters of a path pattern: `{ id: string; order: string }` for
 * `/users/:id/orders/:order`.
 */
export type PathParams<Pattern extends string> = { readonly [Name in ParamNames<Pattern>]: string };

/** A request routed by a path pattern. What a handler of the route takes. */
export interface FromPath<Pattern extends string> {
  /** Decoded values of the pattern's parameters. */
  readonly params: PathParams<Pattern>;
}

type ParamNames<Pattern extends string> = Pattern extends `${infer Segment}/${infer Rest}`
  ? NameOf<Segment> | ParamNames<Rest>
  : NameOf<Pattern>;

type NameOf<Segment extends string> = Segment extends `:${infer Name}` ? Name : never;

const [slash, percent] = [0x2f, 0x25];

/** A compiled path pattern. */
export class PathPattern {
  readonly source: string;
  /** The text before the first parameter. */
  readonly literal: string;
  /** Number of characters outside parameters. */
  readonly literalLength: number;
  /** Names of the parameters in order. */
  readonly names: readonly string[];
  /** The literal text after each parameter, up to the next one or the end. */
  readonly #after: readonly string[];

  constructor(source: string) {
    this.source = source;
    const [literal = "", ...after] = source.split(param);
    this.literal = literal;
    this.names = (source.match(param) ?? []).map((segment) => segment.slice(1));
    this.#after = after;
    this.literalLength = after.reduce((sum, text) => sum + text.length, literal.length);
  }

  /** Whether a path in normal form matches. */
  matches(path: string): boolean {
    return path.startsWith(this.literal) && this.matchesRest(path);
  }

  /** The same for a path that is known to begin with the literal. Allocates nothing. */
  matchesRest(path: string): boolean {
    let at = this.literal.length;
    for (let n = 0; n < this.#after.length; n++) {
      const end = segmentEnd(path, at);
      if (end === at || !isValue(path, at, end)) return false;
      const after = this.#after[n] as string;
      if (!path.startsWith(after, end)) return false;
      at = end + after.length;
    }
    return at === path.length;
  }

  /** Returns the decoded parameters of a path that matches. */
  params(path: string): Readonly<Record<string, string>> {
    const entries: [name: string, value: string][] = [];
    let at = this.literal.length;
    for (let n = 0; n < this.#after.length; n++) {
      const end = segmentEnd(path, at);
      entries.push([this.names[n] as string, decodeURIComponent(path.slice(at, end))]);
      at = end + (this.#after[n] as string).length;
    }
    // Unlike assignments, this is safe for every name.
    return Object.fromEntries(entries);
  }
}

/** A segment that is a parameter, or looks like one. */
const param = /(?<=\/):[^/]*/g;

/** Returns the parameters of a pattern that are not names. */
export function invalidNames(pattern: string): readonly string[] {
  return new PathPattern(pattern).names.filter((name) => !/^[A-Za-z_]\w*$/.test(name));
}

/** Identifies the paths of a pattern: the names of its parameters do not matter. */
export function withoutNames(pattern: string): string {
  return pattern.replaceAll(param, ":");
}

function segmentEnd(path: string, from: number): number {
  let at = from;
  while (at < path.length && path.charCodeAt(at) !== slash) at++;
  return at;
}

/**
 * Whether a segment can be the value of a parameter. Escapes that are not UTF-8 have no text, and
 * dot segments, which only paths without normalization have, would leave the folder that a handler
 * puts them in.
 */
function isValue(path: string, from: number, to: number): boolean {
  let hasEscape = false;
  for (let at = from; at < to && !hasEscape; at++) hasEscape = path.charCodeAt(at) === percent;
  if (!hasEscape && to - from > 2) return true;
  const segment = path.slice(from, to);
  const text = hasEscape ? decoded(segment) : segment;
  return text !== undefined && text !== "." && text !== "..";
}

function decoded(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}
