import type { Endpoint } from "@pagoda/core";
import { type Either, left, right } from "fp-ts/lib/Either.js";

/**
 * Reads a JSON list of keys, or of objects with a `key` and perhaps a `weight`; the two may be mixed. What
 * `fileEndpoints` does by default. `Left` lists every problem there is: where, the value, and what would be valid.
 */
export function jsonEndpoints(text: string): Either<readonly string[], readonly Endpoint[]> {
  let list: unknown;
  try {
    // Some editors begin a file with a byte order mark, which JSON does not know.
    list = JSON.parse(text.replace(/^\uFEFF/u, ""));
  } catch (error) {
    return left([`the file is no JSON: ${(error as Error).message}`]);
  }
  if (!Array.isArray(list)) return left([`the file is ${shown(list)}; valid is a list`]);

  const problems: string[] = [];
  const firstAt = new Map<string, number>();
  const endpoints = list.map((entry: unknown, at): Endpoint => {
    const { key, weight } = read(entry, `[${at}]`, problems);
    if (typeof key === "string") {
      const before = firstAt.get(key);
      if (before === undefined) firstAt.set(key, at);
      else problems.push(`[${at}] has the key ${shown(key)}, which [${before}] has; valid is each key once`);
    }
    return (weight === undefined ? { key } : { key, weight }) as Endpoint;
  });
  return problems.length > 0 ? left(problems) : right(endpoints);
}

interface Entry {
  readonly key?: unknown;
  readonly weight?: unknown;
}

function read(entry: unknown, path: string, problems: string[]): Entry {
  if (typeof entry === "string") {
    if (entry === "") problems.push(`${path} is ""; valid is a key`);
    return { key: entry || undefined };
  }
  if (typeof entry !== "object" || entry === null || Array.isArray(entry)) {
    problems.push(`${path} is ${shown(entry)}; valid is a key, or an object with a key`);
    return {};
  }
  const { key, weight, ...others } = entry as Entry;
  const hasKey = typeof key === "string" && key !== "";
  if (!hasKey) problems.push(`${path}.key is ${shown(key)}; valid is a text that is not empty`);
  if (weight !== undefined && !(typeof weight === "number" && weight > 0 && weight < Infinity)) {
    problems.push(`${path}.weight is ${shown(weight)}; valid is a number over 0`);
  }
  for (const [name, value] of Object.entries(others)) {
    problems.push(`${path}.${name} is ${shown(value)}; valid is key and weight only`);
  }
  return { key: hasKey ? key : undefined, weight };
}

/** A value as it stands in the file, shortened where it is long. */
function shown(value: unknown): string {
  const text = value === undefined ? "missing" : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
