import { parseHttpDate } from "@pagoda/core";
import type { HttpHeaders } from "@pagoda/http";
import { type Directives, secondsOf } from "./cache-control.ts";

/** Heuristic lifetimes end after a day. */
const maxHeuristicMs = 86_400_000;

export interface FreshnessOptions {
  readonly shared: boolean;
  /** Share of the time since `Last-Modified`; 0 for none. */
  readonly heuristicRatio: number;
}

/**
 * Returns how long a response is fresh, in milliseconds (RFC 9111, 4.2.1): by `s-maxage` in a shared
 * cache, `max-age`, `Expires`, or the heuristic.
 *
 * @param receivedAt When it was received; its `Date` if it has none.
 * @param allowsHeuristic Whether the status, or `public`, allows a heuristic.
 */
export function lifetimeMs(
  headers: HttpHeaders,
  directives: Directives,
  receivedAt: number,
  allowsHeuristic: boolean,
  { shared, heuristicRatio }: FreshnessOptions,
): number {
  const seconds =
    (shared ? secondsOf(directives, "s-maxage") : undefined) ?? secondsOf(directives, "max-age");
  if (seconds !== undefined) return seconds * 1_000;
  const expires = headers.get("expires");
  const date = dateOf(headers, receivedAt);
  if (expires !== undefined) {
    // An invalid date, such as `0`, is in the past (RFC 9111, 5.3).
    return Math.max(0, (parseHttpDate(expires, receivedAt) ?? -Infinity) - date);
  }
  const modified = headers.get("last-modified");
  if (heuristicRatio === 0 || !allowsHeuristic || modified === undefined) return 0;
  const since = date - (parseHttpDate(modified, receivedAt) ?? date);
  return Math.min(Math.max(0, since * heuristicRatio), maxHeuristicMs);
}

/**
 * Returns the age of a response when it was received, in milliseconds: what `Date` and `Age` say,
 * whichever is more, with the time that the response took (RFC 9111, 4.2.3).
 */
export function initialAgeMs(headers: HttpHeaders, requestedAt: number, receivedAt: number): number {
  const apparent = Math.max(0, receivedAt - dateOf(headers, receivedAt));
  // The wall clock may have been set back during the call.
  const delay = Math.max(0, receivedAt - requestedAt);
  return Math.max(apparent, ageOf(headers) + delay);
}

/** Returns the present age of a response in milliseconds: its initial age, and the time since. */
export function currentAgeMs(
  stored: { readonly initialAgeMs: number; readonly receivedAt: number },
  now: number,
): number {
  return stored.initialAgeMs + Math.max(0, now - stored.receivedAt);
}

function dateOf(headers: HttpHeaders, receivedAt: number): number {
  const date = headers.get("date");
  return (date === undefined ? undefined : parseHttpDate(date, receivedAt)) ?? receivedAt;
}

/** The first member of `Age` in milliseconds; 0 if it is not a number of seconds (RFC 9111, 5.1). */
function ageOf(headers: HttpHeaders): number {
  const [first = ""] = (headers.get("age") ?? "").split(",");
  return secondsOf(new Map([["age", first.trim()]]), "age")! * 1_000;
}
