import type { Clock } from "./clock.ts";
import { parseHttpDate } from "./http-date.ts";
import type { HttpLike } from "./http-response.ts";
import type { Outcome } from "./outcome.ts";

/**
 * Returns the milliseconds that a `Retry-After` value asks to wait, given as seconds or as an HTTP
 * date (RFC 9110, 10.2.3).
 *
 * @returns 0 for a date in the past, `undefined` when the value is neither seconds nor a date.
 */
export function parseRetryAfter(value: string | null | undefined, clock: Clock): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (/^\d+$/.test(value)) return Number(value) * 1_000;
  const now = clock.wallTime();
  const at = parseHttpDate(value, now);
  return at === undefined ? undefined : Math.max(0, at - now);
}

/** Returns a retryable outcome with the wait that its response asks for. */
export function withRetryAfter(outcome: Outcome, { headers }: HttpLike, clock: Clock): Outcome {
  const retryAfterMs = outcome.retryable ? parseRetryAfter(headers.get("retry-after"), clock) : undefined;
  return retryAfterMs === undefined ? outcome : { ...outcome, retryAfterMs };
}
