import type { z } from "zod";
import type { Config, configSchema } from "./schema/config.ts";

export type Path = readonly (string | number)[];

/** A configuration without its invalid parts. */
export interface Repaired {
  readonly config: Config;
  /**
   * Parts that were removed or replaced by valid ones. Further problems there would be guesswork.
   */
  readonly broken: readonly Path[];
}

const maxRounds = 8;

/**
 * Removes the invalid parts of a configuration, so that the rest can be checked in the same pass.
 * Undefined if nothing remains.
 */
export function repaired(
  value: unknown,
  issues: readonly z.core.$ZodIssue[],
  schema: ReturnType<typeof configSchema>,
): Repaired | undefined {
  const copy = copied(value) as Container;
  if (typeof copy !== "object" || copy === null || Array.isArray(copy)) return undefined;
  const broken: Path[] = [];
  /** How often a part was removed for an issue at this path: each time one level further up. */
  const times = new Map<string, number>();
  let current = issues;
  for (let round = 0; round < maxRounds; round++) {
    for (const issue of current) {
      for (const path of placesOf(issue)) {
        const text = textOf(path);
        const before = times.get(text) ?? 0;
        times.set(text, before + 1);
        broken.push(takeOut(copy, path, before, issue.code === "invalid_key"));
      }
    }
    const parsed = schema.safeParse(copy);
    if (parsed.success) return { config: parsed.data, broken };
    current = parsed.error.issues;
  }
  return undefined;
}

function placesOf(issue: z.core.$ZodIssue): readonly Path[] {
  const path = issue.path as Path;
  return issue.code === "unrecognized_keys" ? issue.keys.map((key) => [...path, key]) : [path];
}

type Container = Record<string | number, unknown>;

/** Replaces a required part. No file contains such names. */
function standIn(path: Path): unknown {
  const [first, , third] = path;
  const label = `invalid-${path.join("-")}.invalid`;
  if (first === "clusters" && path.length === 2) return { endpoints: ["http://invalid.invalid:1"] };
  if (first !== "listeners") return undefined;
  if (path.length === 1) return [standIn([...path, 0])];
  if (path.length === 2) return { address: `${label}:0`, routes: [standIn([...path, "routes", 0])] };
  if (third === "address" && path.length === 3) return `${label}:0`;
  if (third === "routes" && path.length === 3) return [standIn([...path, 0])];
  if (third === "routes" && path.length === 4)
    return { name: label, match: { path: `/${label}` }, respond: { status: 500 } };
  return undefined;
}

/**
 * Removes the part at a path, or a parent.
 *
 * @param up How many levels further up.
 * @param isName The name is invalid, so nothing can replace it.
 * @returns The path removed.
 */
function takeOut(root: Container, path: Path, up: number, isName: boolean): Path {
  let end = path.length;
  // Removing a list entry would renumber the others; a replaceable part is enough.
  for (let left = up; end > 1; end--) {
    if (end < path.length && standIn(path.slice(0, end)) !== undefined) break;
    if (typeof path[end - 1] === "number" && standIn(path.slice(0, end)) === undefined) continue;
    if (left-- <= 0) break;
  }
  const gone = path.slice(0, end);
  let at: unknown = root;
  for (const part of gone.slice(0, -1)) at = (at as Container | null | undefined)?.[part];
  // Removed already, with a parent.
  if (typeof at !== "object" || at === null) return gone;
  const last = gone.at(-1) as string | number;
  const instead = isName ? undefined : standIn(gone);
  if (instead === undefined) delete (at as Container)[last];
  else (at as Container)[last] = instead;
  return gone;
}

/**
 * Copies parts that several places share, since removing a part from one must not affect the
 * others.
 */
function copied(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copied);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, copied(each)]));
}

/** The removed parts. */
export class BrokenPaths {
  readonly #broken = new Set<string>();
  readonly #around = new Set<string>();

  constructor(broken: readonly Path[] = []) {
    for (const path of broken) {
      this.#broken.add(textOf(path));
      for (let length = 0; length < path.length; length++) this.#around.add(textOf(path.slice(0, length)));
    }
  }

  /**
   * Whether the part, something in it, or a parent was removed: reporting problems of it would be
   * guesswork.
   */
  has(path: Path): boolean {
    return this.#broken.size > 0 && (this.#around.has(textOf(path)) || this.isGone(path));
  }

  /** Whether the part or a parent was removed. */
  isGone(path: Path): boolean {
    if (this.#broken.size === 0) return false;
    for (let length = 1; length <= path.length; length++)
      if (this.#broken.has(textOf(path.slice(0, length)))) return true;
    return false;
  }
}

function textOf(path: Path): string {
  return JSON.stringify(path);
}
