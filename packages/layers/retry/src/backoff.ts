import { checkDuration, checkOneOf, type Json, type Random } from "@pagoda/core";

/** Share of the bound that is not randomized. */
const fixedShare = { full: 0, equal: 0.5, none: 1 };

/** Waiting time before each retry. */
export interface Backoff {
  /** Name in descriptions. */
  readonly name: string;
  readonly options: { readonly [name: string]: Json };
  /**
   * Returns the milliseconds to wait.
   *
   * @param retry 1 before the second attempt, 2 before the third, and so on.
   * @param previousMs The previous backoff; 0 before the second attempt.
   */
  waitMs(retry: number, previousMs: number, random: Random): number;
}

export interface ExponentialOptions {
  /** Bound of the first wait: milliseconds, over 0. Default 25. */
  readonly baseMs?: number;
  /** Longest wait: milliseconds, at least `baseMs`. Default 250. */
  readonly maxMs?: number;
  /** Randomization of the wait. Default `full`. */
  readonly jitter?: "full" | "equal" | "none";
}

/**
 * Exponential backoff: the bound doubles with each retry. `full` jitter waits a random time up to
 * the bound, `equal` between half the bound and the bound, `none` exactly the bound. Jitter keeps
 * callers that failed together from coming back together.
 *
 * Source: defaults of Envoy; jitter after M. Brooker, "Exponential Backoff And Jitter" (AWS, 2015).
 *
 * @throws RangeError if an option is out of range.
 */
export function exponential({ baseMs = 25, maxMs = 250, jitter = "full" }: ExponentialOptions = {}): Backoff {
  check(baseMs, maxMs);
  checkOneOf("retry: jitter", jitter, Object.keys(fixedShare));
  const fixed = fixedShare[jitter];
  return {
    name: "exponential",
    options: { baseMs, maxMs, jitter },
    waitMs(retry, _previousMs, random) {
      const bound = Math.min(maxMs, baseMs * 2 ** (retry - 1));
      return bound * (fixed + (1 - fixed) * random());
    },
  };
}

export interface DecorrelatedOptions {
  /** Shortest wait: milliseconds, over 0. Default 25. */
  readonly baseMs?: number;
  /** Longest wait: milliseconds, at least `baseMs`. Default 250. */
  readonly maxMs?: number;
}

/**
 * Decorrelated jitter: a random time between `baseMs` and three times the previous wait.
 *
 * Source: M. Brooker, "Exponential Backoff And Jitter" (AWS, 2015).
 *
 * @throws RangeError if an option is out of range.
 */
export function decorrelated({ baseMs = 25, maxMs = 250 }: DecorrelatedOptions = {}): Backoff {
  check(baseMs, maxMs);
  return {
    name: "decorrelated",
    options: { baseMs, maxMs },
    waitMs(_retry, previousMs, random) {
      const bound = Math.max(baseMs, previousMs * 3);
      return Math.min(maxMs, baseMs + (bound - baseMs) * random());
    },
  };
}

/**
 * Constant backoff.
 *
 * @param ms Milliseconds, at least 0.
 * @throws RangeError if `ms` is out of range.
 */
export function constant(ms: number): Backoff {
  checkDuration("retry: ms", ms, { min: 0 });
  return { name: "constant", options: { ms }, waitMs: () => ms };
}

function check(baseMs: number, maxMs: number): void {
  checkDuration("retry: baseMs", baseMs);
  checkDuration("retry: maxMs", maxMs, { min: { baseMs } });
}
