import { checkNumber } from "@pagoda/core";
import { checkBounds, checkWindow, type Limit, type LimitAlgorithm, type Sample } from "./limit.ts";

export interface AimdOptions {
  /** The limit at first: calls. Default 10. */
  readonly initial?: number;
  /** Calls, at least 1. Default 1. */
  readonly min?: number;
  /** Calls, at least `min`. Default 200. */
  readonly max?: number;
  /** What is left of the limit after a drop: 0.5 to 0.99. Default 0.9. */
  readonly backoff?: number;
  /** A success that took longer counts as dropped: milliseconds, at least 1. Default 5,000. */
  readonly slowAfterMs?: number;
  /** Between two steps: milliseconds, 1 to 3,600,000. Default 100. */
  readonly windowMs?: number;
}

/**
 * Additive increase, multiplicative decrease: one more for each window without drops in which at least half of the
 * limit was used, a tenth less for each with drops. It does not look at latency (but for `slowAfterMs`), so use it
 * where the upstream refuses what is too much, or times out.
 *
 * It goes to and fro below the number of calls at which drops begin, from `backoff` of it upwards: the upstream's
 * capacity and the queue that it keeps. An upstream that never drops gets `max`.
 *
 * Source: Chiu and Jain, "Analysis of the increase and decrease algorithms", 1989; the numbers are those of Netflix'
 * concurrency-limits, which steps with each call instead of each window.
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
