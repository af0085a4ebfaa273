import type { HttpRequest } from "@pagoda/http";
import { type Directives, directivesOf, secondsOf } from "./cache-control.ts";
import type { Kept } from "./kept.ts";
import { currentAgeMs } from "./freshness.ts";

/**
 * How a stored response can be used for a request:
 *
 * - `fresh`: as it is;
 * - `stale`: as it is, because the client accepts it (`max-stale`);
 * - `while-revalidating`: as it is, while it is being validated (RFC 5861, 3);
 * - `validate`: after validation.
 */
export type Reuse = "fresh" | "stale" | "while-revalidating" | "validate";

/** What a request demands of stored responses. */
export interface Demands {
  readonly directives: Directives;
  /** `no-cache`, or `Pragma: no-cache` of a client that knows no `Cache-Control`. */
  readonly noCache: boolean;
}

export function demandsOf({ headers }: HttpRequest): Demands {
  const directives = directivesOf(headers);
  const noCache =
    directives.has("no-cache") ||
    (directives.size === 0 && (headers.get("pragma") ?? "").toLowerCase().includes("no-cache"));
  return { directives, noCache };
}

/** Returns how a stored response can be used (RFC 9111, 4.2 and 5.2.1). */
export function reuseOf(kept: Kept, { directives, noCache }: Demands, now: number, shared: boolean): Reuse {
  if (noCache || kept.directives.has("no-cache")) return "validate";
  // A private cache may use the same store.
  if (shared && kept.directives.has("private")) return "validate";
  const age = currentAgeMs(kept.stored, now);
  const staleness = age - kept.lifetimeMs;
  if (age > milliseconds(directives, "max-age", Infinity)) return "validate";
  if (-staleness < milliseconds(directives, "min-fresh", -Infinity)) return "validate";
  if (staleness < 0) return "fresh";
  if (forbidsStale(kept.directives, shared)) return "validate";
  // `s-maxage` alone forbids what the client would accept, but not what the origin itself allows.
  const isLimited = shared && kept.directives.has("s-maxage");
  if (!isLimited && directives.has("max-stale")) {
    // Without a value, a stale response of any age is accepted.
    const most =
      directives.get("max-stale") === undefined ? Infinity : milliseconds(directives, "max-stale", 0);
    if (staleness <= most) return "stale";
  }
  return staleness <= milliseconds(kept.directives, "stale-while-revalidate", -1)
    ? "while-revalidating"
    : "validate";
}

/** Whether a stored response may be used because the origin failed (RFC 5861, 4). */
export function mayReplaceError(
  kept: Kept,
  { directives, noCache }: Demands,
  now: number,
  shared: boolean,
): boolean {
  if (noCache || kept.directives.has("no-cache") || forbidsStale(kept.directives, shared)) return false;
  const staleness = currentAgeMs(kept.stored, now) - kept.lifetimeMs;
  const byOrigin = milliseconds(kept.directives, "stale-if-error", -1);
  const isLimited = shared && kept.directives.has("s-maxage");
  const allowed = isLimited ? byOrigin : Math.max(byOrigin, milliseconds(directives, "stale-if-error", -1));
  return staleness <= allowed;
}

function forbidsStale(directives: Directives, shared: boolean): boolean {
  return directives.has("must-revalidate") || (shared && directives.has("proxy-revalidate"));
}

function milliseconds(directives: Directives, name: string, otherwise: number): number {
  const seconds = secondsOf(directives, name);
  return seconds === undefined ? otherwise : seconds * 1_000;
}
