import { checkInteger, checkNumber } from "@pagoda/core";
import { checkBounds, checkWindow, type Limit, type LimitAlgorithm, type Sample } from "./limit.ts";

export interface Gradient2Options {
  /** The limit at first: calls. Default 20. */
  readonly initial?: number;
  /** Calls, at least 1. Default 20. */
  readonly min?: number;
  /** Calls, at least `min`. Default 200. */
  readonly max?: number;
  /** How far one window moves the limit: over 0, up to 1. Default 0.2. */
  readonly smoothing?: number;
  /** How many calls may queue at the upstream: 1 or more. Default 4. */
  readonly queue?: number;
  /** Over how many windows the usual latency is averaged: 10 or more. Default 600. */
  readonly longWindow?: number;
  /** The length of a window: milliseconds, 1 to 3,600,000. Default 1,000. */
  readonly windowMs?: number;
}

/** Windows that the usual latency is a plain mean of, at first. */
const warmUp = 10;

/**
 * Compares the latency of each window with the usual one, an average over many. Is it higher, then the limit shrinks in
 * proportion (to half at most), else it grows by `queue`. A window with drops counts as twice the usual latency. The
 * limit stays while less than half of it is used.
 *
 * Around a saturated upstream it settles at the upstream's capacity (throughput times latency without queueing, as
 * Little's law has it) and `queue`. What has become slower by itself looks at first as if it queued, so the limit falls,
 * to `min` if the latency has doubled, and comes back as the usual latency is learnt anew, which takes about
 * `longWindow` windows. For the same reason an upstream that is saturated all the time shifts what is usual, and the
 * limit drifts up, by about 2·queue/longWindow a window, one call in 75 s: `max` is the bound.
 *
 * Source: Gradient2Limit of Netflix' concurrency-limits; drops count here, as its users asked for.
 *
 * @throws RangeError when an option is out of range.
 */
export function gradient2({
  initial = 20,
  min = 20,
  max = 200,
  smoothing = 0.2,
  queue = 4,
  longWindow = 600,
  windowMs = 1_000,
}: Gradient2Options = {}): LimitAlgorithm {
  checkBounds(initial, min, max);
  checkNumber("concurrency-limit: smoothing", smoothing, { above: 0, max: 1 });
  checkNumber("concurrency-limit: queue", queue, { min: 1, max: { max } });
  checkInteger("concurrency-limit: longWindow", longWindow, { min: warmUp });
  checkWindow(windowMs);

  function begin(): Limit {
    let estimate = initial;
    let windows = 0;
    let usual: number | undefined;

    function learn(rttMs: number): number {
      windows++;
      const weight = windows <= warmUp ? 1 / windows : 2 / (longWindow + 1);
      const learnt = usual === undefined ? rttMs : usual + (rttMs - usual) * weight;
      // After a long overload the average alone would hold the high latency to be usual for too long.
      usual = learnt > 2 * rttMs ? learnt * 0.9 : learnt;
      return learnt;
    }

    function gradientOf({ rttMs, inFlight, dropped }: Sample): number | undefined {
      const usualMs = rttMs === undefined ? undefined : learn(rttMs);
      if (dropped) return 0.5;
      if (rttMs === undefined || usualMs === undefined || inFlight < estimate / 2) return undefined;
      return Math.max(0.5, Math.min(1, usualMs / rttMs));
    }

    return {
      get current() {
        return Math.floor(estimate);
      },
      get rttMs() {
        return usual;
      },
      update(sample) {
        const gradient = gradientOf(sample);
        if (gradient === undefined) return;
        const goal = estimate * gradient + queue;
        estimate = Math.max(min, Math.min(max, estimate + (goal - estimate) * smoothing));
      },
    };
  }

  return {
    name: "gradient2",
    options: { initial, min, max, smoothing, queue, longWindow, windowMs },
    windowMs,
    begin,
  };
}
