import type { HttpHeaders } from "@pagoda/http";

/** The directives of a `Cache-Control` field (RFC 9111, 5.2), in lower case. */
export type Directives = ReadonlyMap<string, string | undefined>;

const none: Directives = new Map();

/** Greatest number of seconds, as in RFC 9111, 1.2.2: 68 years. */
const maxSeconds = 2_147_483_648;

/** A token, or a quoted string: `private`, `max-age=60`, `max-age="60"`, `no-cache="set-cookie, b"`. */
const directive = /([^\s,;="]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"?|([^\s,]*)))?[^,]*(?:,|$)/g;

/** Reads all `Cache-Control` fields. The first of repeated directives counts. */
export function directivesOf(headers: HttpHeaders): Directives {
  const fields = headers.all("cache-control");
  if (fields.length === 0) return none;
  const directives = new Map<string, string | undefined>();
  for (const [, name = "", quoted, token] of fields.join(",").matchAll(directive)) {
    const lower = name.toLowerCase();
    if (!directives.has(lower)) directives.set(lower, quoted ?? token);
  }
  return directives;
}

/**
 * Returns the seconds of a directive.
 *
 * @returns `undefined` without the directive, and 0 for a value that is not a number of seconds: a
 * response whose lifetime cannot be read is stale (RFC 9111, 4.2.1).
 */
export function secondsOf(directives: Directives, name: string): number | undefined {
  if (!directives.has(name)) return undefined;
  const value = directives.get(name) ?? "";
  return /^\d+$/.test(value) ? Math.min(Number(value), maxSeconds) : 0;
}
