import { checkNumber, type Random } from "@pagoda/core";
import { checkBounds, checkWindow, type Limit, type LimitAlgorithm, type Sample } from "./limit.ts";

/** Options of {@link vegas}. */
export interface VegasOptions {
  /** Initial limit in calls. Default 20. */
  readonly initial?: number;
  /** Minimum limit: at least 1. Default 1. */
  readonly min?: number;
  /** Maximum limit: at least `min`. Default 1,000. */
  readonly max?: number;
  /**
   * The latency without load is measured anew after at most limit × `probeMultiplier` windows: 1 or
   * more. Default 30.
   */
  readonly probeMultiplier?: number;
  /** Length of a sample window in milliseconds: 1 to 3,600,000. Default 1,000. */
  readonly windowMs?: number;
}

/** Scales steps and queues with the limit: 1 up to 99 calls, 2 up to 999, 3 from there on. */
const scaleOf = (limit: number): number => Math.max(1, Math.floor(Math.log10(limit)));

/**
 * Estimates the queue at the upstream from the lowest latency seen: limit · (1 − lowest / latency).
 * The limit grows while the queue is below 3·log₁₀(limit), and shrinks while it is above
 * 6·log₁₀(limit) or calls are dropped. Logarithms are rounded down, to at least 1. The limit does
 * not grow while less than half of it is used.
 *
 * Around a saturated upstream, the limit settles at the upstream's capacity (throughput times
 * latency without queueing, by Little's law) plus a queue between these two marks. An upstream that
 * becomes slower looks as if it queued, and the limit falls until the latency is measured anew:
 * after limit × `probeMultiplier` windows, or up to half of that sooner at random, so that clients
 * do not measure in step. A measurement under load mistakes the queue for latency, and the limit
 * rises accordingly, up to `max`.
 *
 * Source: TCP Vegas (Brakmo and Peterson, 1995); VegasLimit of Netflix's concurrency-limits.
 *
 * @throws RangeError when an option is out of range.
 */
export function vegas({
  initial = 20,
  min = 1,
  max = 1_000,
  probeMultiplier = 30,
  windowMs = 1_000,
}: VegasOptions = {}): LimitAlgorithm {
  checkBounds(initial, min, max);
  checkNumber("concurrency-limit: probeMultiplier", probeMultiplier, { min: 1 });
  checkWindow(windowMs);

  function begin(random: Random): Limit {
    let current = initial;
    let lowest: number | undefined;
    let windows = 0;
    const drawJitter = (): number => 0.5 + 0.5 * random();
    let jitter = drawJitter();

    /**
     * Returns whether the sample has become the latency without load, and so says nothing about a
     * queue.
     */
    function measured(rttMs: number): boolean {
      windows++;
      const probe = windows >= jitter * probeMultiplier * current;
      if (probe) {
        windows = 0;
        jitter = drawJitter();
      }
      if (!probe && lowest !== undefined && rttMs >= lowest) return false;
      lowest = rttMs;
      return true;
    }

    /** Returns the change of the limit. */
    function change({ rttMs, inFlight, dropped }: Sample): number {
      const scale = scaleOf(current);
      const unloaded = rttMs !== undefined && measured(rttMs);
      if (dropped) return -scale;
      if (rttMs === undefined || lowest === undefined || unloaded || inFlight * 2 < current) return 0;
      const queue = Math.ceil(current * (1 - lowest / rttMs));
      if (queue <= scale) return 6 * scale;
      if (queue < 3 * scale) return scale;
      return queue > 6 * scale ? -scale : 0;
    }

    return {
      get current() {
        return current;
      },
      get rttMs() {
        return lowest;
      },
      update(sample) {
        current = Math.max(min, Math.min(max, current + change(sample)));
      },
    };
  }

  return { name: "vegas", options: { initial, min, max, probeMultiplier, windowMs }, windowMs, begin };
}
