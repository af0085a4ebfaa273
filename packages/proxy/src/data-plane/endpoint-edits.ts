import type { Origin } from "./origin.ts";

/** Endpoints of the previous list from an index to another, exclusively, that stay. */
type Kept = readonly [from: number, to: number];

/**
 * How to make a list of endpoints from the previous one: what is kept and what is new, in order. Its
 * size is that of the change, not of the list.
 */
export type EndpointEdits = readonly (Kept | { readonly added: readonly Origin[] })[];

/**
 * Compares two lists.
 *
 * Cost: a pass over both. If the order of endpoints that stay has changed, what moved counts as new.
 */
export function editsBetween(before: readonly Origin[], after: readonly Origin[]): EndpointEdits {
  const edits: (Kept | { readonly added: Origin[] })[] = [];
  const places = new Map(before.map(({ key }, at) => [key, at]));
  let added: Origin[] | undefined;
  let kept: [number, number] | undefined;
  /** Places of the previous list before this one are used. */
  let used = 0;
  for (const endpoint of after) {
    const at = places.get(endpoint.key);
    if (at === undefined || at < used || !isSame(before[at] as Origin, endpoint)) {
      kept = undefined;
      if (added === undefined) edits.push({ added: (added = []) });
      added.push(endpoint);
      continue;
    }
    added = undefined;
    used = at + 1;
    if (kept !== undefined && kept[1] === at) kept[1] = used;
    else edits.push((kept = [at, used]));
  }
  return edits;
}

/** Applies the edits to the previous list, of which endpoints that stay are the same objects. */
export function edited(before: readonly Origin[], edits: EndpointEdits): readonly Origin[] {
  if (isUnchanged(before, edits)) return before;
  return edits.flatMap((edit) => ("added" in edit ? edit.added : before.slice(edit[0], edit[1])));
}

function isUnchanged(before: readonly Origin[], edits: EndpointEdits): boolean {
  const [first, second] = edits;
  if (first === undefined) return before.length === 0;
  return second === undefined && !("added" in first) && first[0] === 0 && first[1] === before.length;
}

/** Sources may add fields of their own, such as a locality. */
function isSame(one: Origin, other: Origin): boolean {
  if (one === other) return true;
  const a = one as unknown as Readonly<Record<string, unknown>>;
  const b = other as unknown as Readonly<Record<string, unknown>>;
  const names = Object.keys(a);
  if (names.length !== Object.keys(b).length) return false;
  return names.every(
    (name) => a[name] === b[name] || (isObject(a[name]) && textOf(a[name]) === textOf(b[name])),
  );
}

function isObject(value: unknown): boolean {
  return typeof value === "object";
}

function textOf(value: unknown): string {
  return JSON.stringify(value) ?? "";
}
