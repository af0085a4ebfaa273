import { checkDuration, checkOneOf, type Json, type Random } from "@pagoda/core";

/** What of the bound is not left to chance. */
const fixedShare = { full: 0, equal: 0.5, none: 1 };

/** How long to wait before each further try. */
export interface Backoff {
  /** As it stands in descriptions. */
  readonly name: string;
  readonly options: { readonly [name: string]: Json };
  /**
   * Milliseconds to wait.
   *
   * @param retry 1 before the second try, 2 before the third, and so on.
   * @param previousMs What was waited before the last one; 0 before the second try.
   */
  waitMs(retry: number, previousMs: number, random: Random): number;
}

export interface ExponentialOptions {
  /** The bound before the second try: milliseconds, over 0. Default 25. */
  readonly baseMs?: number;
  /** No wait is longer: milliseconds, at least `baseMs`. Default 250. */
  readonly maxMs?: number;
  /** How much of the bound is left to chance. Default `full`. */
  readonly jitter?: "full" | "equal" | "none";
}

/**
 * A bound that doubles with each try, and a wait by chance: `full` between nothing and the bound, `equal` between its
 * half and itself, `none` the bound. Callers that failed together should not come back together: that is what the
 * chance is for.
 *
 * Source: the numbers are Envoy's; the jitters are those of M. Brooker, "Exponential Backoff And Jitter" (AWS, 2015).
 *
 * @throws RangeError when an option is out of range.
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
  /** The shortest wait: milliseconds, over 0. Default 25. */
  readonly baseMs?: number;
  /** The longest: milliseconds, at least `baseMs`. Default 250. */
  readonly maxMs?: number;
}

/**
 * Between `baseMs` and three times the wait before, by chance.
 *
 * Source: M. Brooker, "Exponential Backoff And Jitter" (AWS, 2015).
 *
 * @throws RangeError when an option is out of range.
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
 * Always the same.
 *
 * @param ms Milliseconds, 0 or more.
 * @throws RangeError when `ms` is out of range.
 */
export function constant(ms: number): Backoff {
  checkDuration("retry: ms", ms, { min: 0 });
  return { name: "constant", options: { ms }, waitMs: () => ms };
}

function check(baseMs: number, maxMs: number): void {
  checkDuration("retry: baseMs", baseMs);
  checkDuration("retry: maxMs", maxMs, { min: { baseMs } });
}
