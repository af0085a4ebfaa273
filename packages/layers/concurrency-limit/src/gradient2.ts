import { checkInteger, checkNumber } from "@pagoda/core";
import { checkBounds, checkWindow, type Limit, type LimitAlgorithm, type Sample } from "./limit.ts";

/** Options of {@link gradient2}. */
export interface Gradient2Options {
  /** Initial limit in calls. Default 20. */
  readonly initial?: number;
  /** Minimum limit: at least 1. Default 20. */
  readonly min?: number;
  /** Maximum limit: at least `min`. Default 200. */
  readonly max?: number;
  /** Smoothing factor of each step: over 0, up to 1. Default 0.2. */
  readonly smoothing?: number;
  /** Queue allowed at the upstream, in calls: 1 or more. Default 4. */
  readonly queue?: number;
  /** Span of the long-term average of the latency, in windows: 10 or more. Default 600. */
  readonly longWindow?: number;
  /** Length of a sample window in milliseconds: 1 to 3,600,000. Default 1,000. */
  readonly windowMs?: number;
}

/** Number of initial windows over which the long-term average is a plain mean. */
const warmUp = 10;

/**
 * Compares the latency of each window with a long-term average. If it is higher, the limit shrinks
 * in proportion, by half at most. Otherwise it grows by `queue`. A window with drops counts as
 * twice the average latency. The limit does not change while less than half of it is used.
 *
 * Around a saturated upstream, the limit settles at the upstream's capacity (throughput times
 * latency without queueing, by Little's law) plus `queue`. An upstream that becomes slower looks at
 * first as if it queued: the limit falls, to `min` if the latency has doubled, and recovers as the
 * average adapts, which takes about `longWindow` windows. For the same reason constant saturation
 * raises the average, and the limit drifts up by about 2·queue/longWindow per window, one call in
 * 75 s, up to `max`.
 *
 * Source: Gradient2Limit of Netflix's concurrency-limits; drops count here, as its users have
 * requested.
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
    let average: number | undefined;

    function updateAverage(rttMs: number): number {
      windows++;
      const weight = windows <= warmUp ? 1 / windows : 2 / (longWindow + 1);
      const updated = average === undefined ? rttMs : average + (rttMs - average) * weight;
      // After a long overload, the average alone would stay high for too long.
      average = updated > 2 * rttMs ? updated * 0.9 : updated;
      return updated;
    }

    function gradientOf({ rttMs, inFlight, dropped }: Sample): number | undefined {
      const averageMs = rttMs === undefined ? undefined : updateAverage(rttMs);
      if (dropped) return 0.5;
      if (rttMs === undefined || averageMs === undefined || inFlight < estimate / 2) return undefined;
      return Math.max(0.5, Math.min(1, averageMs / rttMs));
    }

    return {
      get current() {
        return Math.floor(estimate);
      },
      get rttMs() {
        return average;
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
