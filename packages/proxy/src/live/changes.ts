import type { LiveChange } from "./snapshot.ts";

/** Characters of a value that are shown. */
const maxShown = 200;

/**
 * The differences between two JSON values, as a file would state them. Members of lists are compared
 * by their `name`, or else as a whole, so that one more does not change all that follow.
 */
export function* changesBetween(before: unknown, after: unknown, path = ""): Generator<LiveChange> {
  if (Object.is(before, after)) return;
  if (Array.isArray(before) && Array.isArray(after)) yield* inLists(before, after, path);
  else if (isObject(before) && isObject(after)) yield* inObjects(before, after, path);
  else yield { path, before: shown(before), after: shown(after) };
}

function* inObjects(before: Fields, after: Fields, path: string): Generator<LiveChange> {
  const below = (key: string): string => (path === "" ? key : `${path}.${key}`);
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)]))
    yield* changesBetween(before[key], after[key], below(key));
}

function* inLists(
  before: readonly unknown[],
  after: readonly unknown[],
  path: string,
): Generator<LiveChange> {
  const [former, later] = [byKey(before), byKey(after)];
  let isSame = true;
  for (const [key, { value, name }] of former) {
    const now = later.get(key);
    if (now === undefined || name !== undefined)
      for (const change of changesBetween(value, now?.value, `${path}[${name ?? ""}]`)) {
        isSame = false;
        yield change;
      }
  }
  for (const [key, { value, name }] of later)
    if (!former.has(key)) {
      isSame = false;
      yield { path: `${path}[${name ?? ""}]`, before: null, after: shown(value) };
    }
  const isMoved = [...former.keys()].join() !== [...later.keys()].join();
  if (isSame && isMoved) yield { path, before: shown(before), after: shown(after) };
}

interface Member {
  readonly value: unknown;
  readonly name: string | undefined;
}

/** The members of a list by what tells them apart; equal ones are numbered. */
function byKey(list: readonly unknown[]): ReadonlyMap<string, Member> {
  const members = new Map<string, Member>();
  for (const value of list) {
    const name = isObject(value) && typeof value["name"] === "string" ? value["name"] : undefined;
    const key = name ?? JSON.stringify(value);
    let unique = key;
    for (let n = 2; members.has(unique); n++) unique = `${key} ${n}`;
    members.set(unique, { value, name });
  }
  return members;
}

type Fields = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function shown(value: unknown): string | null {
  if (value === undefined) return null;
  const text = JSON.stringify(value);
  return text.length > maxShown ? `${text.slice(0, maxShown)}…` : text;
}
