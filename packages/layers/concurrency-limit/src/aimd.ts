import { checkNumber } from "@pagoda/core";
import { checkBounds, checkWindow, type Limit, type LimitAlgorithm, type Sample } from "./limit.ts";

/** Options of {@link aimd}. */
export interface AimdOptions {
  /** Initial limit in calls. Default 10. */
  readonly initial?: number;
  /** Minimum limit: at least 1. Default 1. */
  readonly min?: number;
  /** Maximum limit: at least `min`. Default 200. */
  readonly max?: number;
  /** Factor applied to the limit after drops: 0.5 to 0.99. Default 0.9. */
  readonly backoff?: number;
  /** A success slower than this counts as dropped, in milliseconds: at least 1. Default 5,000. */
  readonly slowAfterMs?: number;
  /** Length of a sample window in milliseconds: 1 to 3,600,000. Default 100. */
  readonly windowMs?: number;
}

/**
 * Additive increase, multiplicative decrease: adds one after each window without drops that used at
 * least half of the limit, and multiplies by `backoff` after each window with drops. It ignores
 * latency, except for `slowAfterMs`. Use it if the upstream refuses excess calls or times out.
 *
 * It oscillates below the number of calls at which drops begin (the upstream's capacity plus its
 * queue), down to `backoff` times that number. An upstream that never drops gets `max`.
 *
 * Source: Chiu and Jain, "Analysis of the increase and decrease algorithms", 1989; defaults of
 * Netflix's concurrency-limits, which steps per call instead of per window.
 *
 * @throws RangeError when an option is out of range.
 */
export function aimd({
  initial = 10,
  min = 1,
  max = 200,
  backoff = 0.9,
  slowAfterMs = 5_000,
  windowMs = 100,
}: AimdOptions = {}): LimitAlgorithm {
  checkBounds(initial, min, max);
  checkNumber("concurrency-limit: backoff", backoff, { min: 0.5, max: 0.99 });
  checkNumber("concurrency-limit: slowAfterMs", slowAfterMs, { min: 1 });
  checkWindow(windowMs);

  function begin(): Limit {
    let current = initial;
    return {
      get current() {
        return current;
      },
      rttMs: undefined,
      update({ inFlight, dropped }: Sample) {
        if (dropped) current = Math.max(min, Math.min(current - 1, Math.floor(current * backoff)));
        else if (inFlight * 2 >= current) current = Math.min(max, current + 1);
      },
    };
  }

  return {
    name: "aimd",
    options: { initial, min, max, backoff, slowAfterMs, windowMs },
    windowMs,
    slowAfterMs,
    begin,
  };
}
