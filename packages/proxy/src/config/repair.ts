import type { z } from "zod";
import { type Config, config } from "./schema/config.ts";

export type Path = readonly (string | number)[];

/** What is left of a configuration without what its schema finds wrong. */
export interface Repaired {
  readonly config: Config;
  /** What had to go, or has been replaced by something that is valid. What is said of it would be guesswork. */
  readonly broken: readonly Path[];
}

const maxRounds = 8;

/**
 * Takes out of a configuration what is not valid, so that the rest can be checked in the same pass. `undefined`: nothing
 * is left that makes sense.
 */
export function repaired(value: unknown, issues: readonly z.core.$ZodIssue[]): Repaired | undefined {
  const copy = copied(value) as Container;
  if (typeof copy !== "object" || copy === null || Array.isArray(copy)) return undefined;
  const broken: Path[] = [];
  /** How often something has been taken out for an issue there: each time one level further up. */
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
    const parsed = config.safeParse(copy);
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

/** What stands for a part that has to be there. Nothing in a file has such names. */
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
 * Takes out the part at a path, or what it is in.
 *
 * @param up How many levels further up.
 * @param isName It is the name that is wrong: nothing can stand there instead.
 * @returns What has gone.
 */
function takeOut(root: Container, path: Path, up: number, isName: boolean): Path {
  let end = path.length;
  // Of a list the others would have other numbers; a part that something can stand for is far enough.
  for (let left = up; end > 1; end--) {
    if (end < path.length && standIn(path.slice(0, end)) !== undefined) break;
    if (typeof path[end - 1] === "number" && standIn(path.slice(0, end)) === undefined) continue;
    if (left-- <= 0) break;
  }
  const gone = path.slice(0, end);
  let at: unknown = root;
  for (const part of gone.slice(0, -1)) at = (at as Container | null | undefined)?.[part];
  // It has gone already, with what it was in.
  if (typeof at !== "object" || at === null) return gone;
  const last = gone.at(-1) as string | number;
  const instead = isName ? undefined : standIn(gone);
  if (instead === undefined) delete (at as Container)[last];
  else (at as Container)[last] = instead;
  return gone;
}

/** Without what several places have in common: taking it out of one leaves it in the others. */
function copied(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copied);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, copied(each)]));
}

/** What has been taken out, to ask for. */
export class BrokenPaths {
  readonly #broken = new Set<string>();
  readonly #around = new Set<string>();

  constructor(broken: readonly Path[] = []) {
    for (const path of broken) {
      this.#broken.add(textOf(path));
      for (let length = 0; length < path.length; length++) this.#around.add(textOf(path.slice(0, length)));
    }
  }

  /** Whether it has been taken out, or something in it, or what it is in: what is said of it would be guesswork. */
  has(path: Path): boolean {
    return this.#broken.size > 0 && (this.#around.has(textOf(path)) || this.isGone(path));
  }

  /** Whether it has been taken out, or what it is in. */
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
