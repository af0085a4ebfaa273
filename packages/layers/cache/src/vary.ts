import type { HttpHeaders, HttpRequest, RawHeaders } from "@pagoda/http";
import { membersOf } from "@pagoda/http/grammar";

/** Fields whose values are case-insensitive lists. */
const caseless: ReadonlySet<string> = new Set([
  "accept",
  "accept-charset",
  "accept-encoding",
  "accept-language",
]);

/**
 * Returns the names in `Vary`, in lower case, sorted and without repetitions.
 *
 * @returns `undefined` for `*`, which no request matches (RFC 9111, 4.1).
 */
export function namesIn(headers: HttpHeaders): readonly string[] | undefined {
  const names = new Set<string>();
  for (const list of headers.all("vary")) for (const name of membersOf(list)) names.add(name.toLowerCase());
  return names.has("*") ? undefined : [...names].toSorted();
}

/** Returns the names and the values that the request has for them. */
export function selecting(names: readonly string[], { headers }: HttpRequest): RawHeaders {
  return names.flatMap((name) => [name, normalized(name, headers)]);
}

/** Whether a request has the values that selected a stored response. */
export function isSelected(selectedBy: RawHeaders, { headers }: HttpRequest): boolean {
  for (let i = 0; i < selectedBy.length; i += 2) {
    const name = selectedBy[i] as string;
    if (normalized(name, headers) !== selectedBy[i + 1]) return false;
  }
  return true;
}

/**
 * The value of a field in a form that is the same for values with the same meaning: repeated lines
 * joined, white space around commas normalized, the `Accept` family in lower case and the members of
 * `Accept-Encoding`, whose order means nothing, sorted. A missing field differs from an empty one.
 */
function normalized(name: string, headers: HttpHeaders): string {
  const lines = headers.all(name);
  if (lines.length === 0) return "";
  const joined = lines.join(",");
  // A comma within quotes is part of a value.
  if (joined.includes('"')) return `=${joined.trim()}`;
  const members = membersOf(caseless.has(name) ? joined.toLowerCase() : joined);
  if (name === "accept-encoding") members.sort();
  return `=${members.join(",")}`;
}
