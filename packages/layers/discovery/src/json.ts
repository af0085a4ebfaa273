import { type Endpoint, firstLines, shown } from "@pagoda/core";
import { type Either, isLeft, left, right } from "fp-ts/lib/Either.js";

/** What a text lists, as far as it makes sense. */
export interface Reading<out E extends Endpoint = Endpoint> {
  readonly endpoints: readonly E[];
  /** What has been left out: a line for each problem, the first hundred of them. */
  readonly problems: readonly string[];
}

export interface JsonEntriesOptions {
  /** The normal form of a key; `undefined`: it is none. Default: any text that is not empty. */
  readonly keyOf?: (key: string) => string | undefined;
  /** What a key must be, for problems. Default: `a string that is not empty`. */
  readonly validKey?: string;
}

/**
 * Reads a JSON list of keys, or of objects with a `key` and perhaps a `weight`; the two may be mixed. Entries that make
 * no sense are left out, and so are all but the first with the same key. What `fileEndpoints` does by default.
 *
 * `Left`: it is no such list, or there is no entry in it that makes sense although there are some.
 */
export function jsonEntries(
  text: string,
  options: JsonEntriesOptions = {},
): Either<readonly string[], Reading> {
  const read = entriesIn(text, options);
  if (isLeft(read)) return read;
  const { endpoints, problems } = read.right;
  const first = firstLines(problems);
  return endpoints.length === 0 && problems.length > 0 ? left(first) : right({ endpoints, problems: first });
}

/** The same list, where an entry that makes no sense is not left out: `Left` lists every problem there is. */
export function jsonEndpoints(text: string): Either<readonly string[], readonly Endpoint[]> {
  const read = entriesIn(text, {});
  if (isLeft(read)) return read;
  const { endpoints, problems } = read.right;
  return problems.length > 0 ? left(problems) : right(endpoints);
}

function entriesIn(text: string, options: JsonEntriesOptions): Either<readonly string[], Reading> {
  let list: unknown;
  try {
    // Some editors begin a file with a byte order mark, which JSON does not know.
    list = JSON.parse(text.replace(/^\uFEFF/u, ""));
  } catch (error) {
    return left([`the file is no JSON: ${(error as Error).message}`]);
  }
  if (!Array.isArray(list)) return left([`the file is ${shown(list)}; valid is a list`]);

  const problems: string[] = [];
  const endpoints: Endpoint[] = [];
  const firstAt = new Map<string, number>();
  list.forEach((entry: unknown, at) => {
    const before = problems.length;
    const { key, weight } = read(entry, `[${at}]`, options, problems);
    if (key === undefined) return;
    const first = firstAt.get(key);
    if (first === undefined) firstAt.set(key, at);
    else problems.push(`[${at}] has the key ${shown(key)}, which [${first}] has; valid is each key once`);
    if (problems.length === before)
      endpoints.push(weight === undefined ? { key } : { key, weight: weight as number });
  });
  return right({ endpoints, problems });
}

interface Entry {
  readonly key?: unknown;
  readonly weight?: unknown;
}

interface Read {
  /** `undefined`: it has none that makes sense. */
  readonly key?: string | undefined;
  readonly weight?: unknown;
}

function read(entry: unknown, path: string, options: JsonEntriesOptions, problems: string[]): Read {
  if (typeof entry === "string") return { key: keyIn(entry, path, "valid is a key", options, problems) };
  if (typeof entry !== "object" || entry === null || Array.isArray(entry)) {
    problems.push(`${path} is ${shown(entry)}; valid is a key, or an object with a key`);
    return {};
  }
  const { key: written, weight, ...others } = entry as Entry;
  const key = keyIn(written, `${path}.key`, "valid is a text that is not empty", options, problems);
  if (weight !== undefined && !(typeof weight === "number" && weight > 0 && weight < Infinity)) {
    problems.push(`${path}.weight is ${shown(weight)}; valid is a number over 0`);
  }
  for (const [name, value] of Object.entries(others)) {
    problems.push(`${path}.${shownName(name)} is ${shown(value)}; valid is key and weight only`);
  }
  return { key, weight };
}

function keyIn(
  written: unknown,
  path: string,
  valid: string,
  { keyOf = (key) => key, validKey }: JsonEntriesOptions,
  problems: string[],
): string | undefined {
  const key = typeof written === "string" && written !== "" ? keyOf(written) : undefined;
  if (key === undefined)
    problems.push(
      validKey === undefined
        ? `${path} is ${shown(written)}; ${valid}`
        : `${path} must be ${validKey} (${written === undefined ? "missing" : `got ${shown(written)}`})`,
    );
  return key;
}

function shownName(name: string): string {
  return name.length > 60 ? `${name.slice(0, 60)}…` : name;
}
