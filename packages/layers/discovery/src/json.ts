import {
  type Either,
  type Endpoint,
  firstLines,
  formatValue,
  isLeft,
  left,
  mustBe,
  right,
} from "@pagoda/core";

/** The valid entries of a list, and the problems of the others. */
export interface ParsedEntries<out E extends Endpoint = Endpoint> {
  readonly endpoints: readonly E[];
  /** Problems of skipped entries, one line each: the first hundred. */
  readonly problems: readonly string[];
}

/** Options of {@link jsonEntries}. */
export interface JsonEntriesOptions {
  /**
   * Returns a key in canonical form, or `undefined` if it is invalid. Default: accepts any
   * non-empty string.
   */
  readonly keyOf?: (key: string) => string | undefined;
  /** What a key must be, for messages. Default: `a string that is not empty`. */
  readonly validKey?: string;
}

/**
 * Parses a JSON list of keys, or of objects with a `key` and an optional `weight`, which may be
 * mixed. Skips invalid entries, and all but the first with the same key. The default of
 * `fileEndpoints`.
 *
 * @returns `Left` if the text is not such a list, or if it has entries and all of them are invalid.
 */
export function jsonEntries(
  text: string,
  options: JsonEntriesOptions = {},
): Either<readonly string[], ParsedEntries> {
  const read = entriesIn(text, options);
  if (isLeft(read)) return read;
  const { endpoints, problems } = read.right;
  const first = firstLines(problems);
  return endpoints.length === 0 && problems.length > 0 ? left(first) : right({ endpoints, problems: first });
}

/** Parses the same list strictly: returns `Left` with all problems if any entry is invalid. */
export function jsonEndpoints(text: string): Either<readonly string[], readonly Endpoint[]> {
  const read = entriesIn(text, {});
  if (isLeft(read)) return read;
  const { endpoints, problems } = read.right;
  return problems.length > 0 ? left(problems) : right(endpoints);
}

function entriesIn(text: string, options: JsonEntriesOptions): Either<readonly string[], ParsedEntries> {
  let list: unknown;
  try {
    // Some editors start a file with a byte order mark, which JSON does not allow.
    list = JSON.parse(text.replace(/^\uFEFF/u, ""));
  } catch (error) {
    return left([`the file is not valid JSON: ${(error as Error).message}`]);
  }
  if (!Array.isArray(list)) return left([mustBe("the file", "a list", list)]);

  const problems: string[] = [];
  const endpoints: Endpoint[] = [];
  const firstAt = new Map<string, number>();
  list.forEach((entry: unknown, at) => {
    const before = problems.length;
    const { key, weight } = read(entry, `[${at}]`, options, problems);
    if (key === undefined) return;
    const first = firstAt.get(key);
    if (first === undefined) firstAt.set(key, at);
    else problems.push(mustBe(`key of [${at}]`, `unique, but [${first}] has the same`, key));
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
  /** `undefined` if invalid. */
  readonly key?: string | undefined;
  readonly weight?: unknown;
}

function read(entry: unknown, path: string, options: JsonEntriesOptions, problems: string[]): Read {
  if (typeof entry === "string") return { key: keyIn(entry, path, "a key", options, problems) };
  if (typeof entry !== "object" || entry === null || Array.isArray(entry)) {
    problems.push(mustBe(path, "a key, or an object with a key", entry));
    return {};
  }
  const { key: written, weight, ...others } = entry as Entry;
  const key = keyIn(written, `${path}.key`, "a string that is not empty", options, problems);
  if (weight !== undefined && !(typeof weight === "number" && weight > 0 && weight < Infinity)) {
    problems.push(mustBe(`${path}.weight`, "a number above 0", weight));
  }
  for (const name of Object.keys(others)) {
    problems.push(`${path} must have no fields other than key and weight (got ${formatValue(name)})`);
  }
  return { key, weight };
}

function keyIn(
  written: unknown,
  path: string,
  expected: string,
  { keyOf = (key) => key, validKey }: JsonEntriesOptions,
  problems: string[],
): string | undefined {
  const key = typeof written === "string" && written !== "" ? keyOf(written) : undefined;
  if (key === undefined) problems.push(mustBe(path, validKey ?? expected, written));
  return key;
}
