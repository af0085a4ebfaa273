import { distance } from "fastest-levenshtein";
import { isMap, isScalar, LineCounter, type Node, type Pair, type YAMLMap } from "yaml";
import { readYaml } from "./yaml.ts";

/** A position in a file; line and column count from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** A problem of a configuration file. */
export interface Problem extends Place {
  /** `clusters.shop.endpoints[0]`; empty for the file as a whole. */
  readonly path: string;
  /** The value and what is valid. */
  readonly message: string;
}

type Key = string | number;

/** The longest name of a field, route or cluster. */
const maxName = 100;

/**
 * A configuration file (YAML, and so JSON) as data, with the position of each value. Never throws.
 */
export class ConfigDocument {
  /** The values that could be read. */
  readonly value: unknown;
  /** The problems reported by the YAML parser. */
  readonly problems: readonly Problem[];
  readonly #contents: unknown;
  readonly #lines = new LineCounter();
  /** The fields of each map visited. */
  readonly #fields = new Map<YAMLMap, ReadonlyMap<string, Pair>>();

  constructor(text: string) {
    const { contents, value, problems } = readYaml(text, this.#lines);
    this.#contents = contents;
    this.value = value;
    this.problems = problems.map(({ offset, message }) => this.#yamlProblem(offset, message));
  }

  #yamlProblem(offset: number, message: string): Problem {
    return { path: "", message, ...this.#place(offset) };
  }

  /** @param key Returns the position of the last part's name instead of its value's. */
  problem(path: readonly Key[], message: string, key = false): Problem {
    return { path: pathText(path), message, ...this.#place(this.#offset(path, key)) };
  }

  /** The offset of the deepest existing part of the path. */
  #offset(path: readonly Key[], key: boolean): number {
    let node: unknown = this.#contents;
    let offset = (node as Node | null)?.range?.[0] ?? 0;
    for (const [depth, part] of path.entries()) {
      const isLast = depth === path.length - 1;
      const pair = isMap(node) ? this.#fieldsOf(node).get(String(part)) : undefined;
      const next = pair === undefined ? this.#child(node, part) : key && isLast ? pair.key : pair.value;
      const range = (next as Node | null | undefined)?.range ?? (pair?.key as Node | undefined)?.range;
      if (range === undefined || range === null) return offset;
      offset = range[0];
      node = next;
    }
    return offset;
  }

  #fieldsOf(map: YAMLMap): ReadonlyMap<string, Pair> {
    const known = this.#fields.get(map);
    if (known !== undefined) return known;
    const fields = new Map<string, Pair>();
    for (const pair of map.items as readonly Pair[]) {
      const { key } = pair;
      if (isScalar(key) && !fields.has(String(key.value))) fields.set(String(key.value), pair);
    }
    this.#fields.set(map, fields);
    return fields;
  }

  #child(node: unknown, part: Key): unknown {
    const items = (node as { readonly items?: readonly unknown[] } | null)?.items;
    return typeof part === "number" ? items?.[part] : undefined;
  }

  #place(offset: number): Place {
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }
}

/** `clusters.shop.endpoints[0]` */
export function pathText(path: readonly Key[]): string {
  return path
    .map((part, at) => (typeof part === "number" ? `[${part}]` : `${at === 0 ? "" : "."}${shortened(part)}`))
    .join("");
}

function shortened(name: string): string {
  return name.length > maxName ? `${name.slice(0, maxName)}…` : name;
}

/** The most similar name; undefined if none is close. */
export function nearest(name: string, names: Iterable<string>): string | undefined {
  if (name.length > maxName) return undefined;
  let best: string | undefined;
  // A transposition counts as two edits.
  let least = Math.max(1, Math.floor(name.length / 2)) + 1;
  for (const each of names) {
    const off = distance(name.toLowerCase(), each.toLowerCase());
    if (off < least) {
      least = off;
      best = each;
    }
  }
  return best;
}

/** Formats a problem: `pagoda.yaml:12:5: clusters.shop: …`. */
export function problemText(file: string, { line, column, path, message }: Problem): string {
  return `${file}:${line}:${column}: ${path === "" ? "" : `${path}: `}${message}`;
}
