import { checkNumber, type Random } from "@pagoda/core";
import { checkBounds, checkWindow, type Limit, type LimitAlgorithm, type Sample } from "./limit.ts";

export interface VegasOptions {
  /** The limit at first: calls. Default 20. */
  readonly initial?: number;
  /** Calls, at least 1. Default 1. */
  readonly min?: number;
  /** Calls, at least `min`. Default 1,000. */
  readonly max?: number;
  /** The latency without load is measured anew after at most so many times the limit of windows: 1 or more. Default 30. */
  readonly probeMultiplier?: number;
  /** The length of a window: milliseconds, 1 to 3,600,000. Default 1,000. */
  readonly windowMs?: number;
}

/** Steps and queues grow with the limit: 1 up to 99 calls, 2 up to 999, 3 from there on. */
const scaleOf = (limit: number): number => Math.max(1, Math.floor(Math.log10(limit)));

/**
 * Reckons how many calls queue at the upstream, from the lowest latency seen: limit · (1 − lowest / latency). The limit
 * grows while fewer than 3·log₁₀(limit) queue, shrinks while more than 6·log₁₀(limit) do or calls are dropped, and
 * stays between. Logarithms are whole, at least 1. It does not grow while less than half of it is used.
 *
 * Around a saturated upstream it settles between the two above the upstream's capacity (throughput times latency without
 * queueing, as Little's law has it). What has become slower by itself looks as if it queued, so the limit falls until
 * the latency is measured anew: after `probeMultiplier` times the limit of windows, or half of that at the earliest, by
 * chance, so that not all clients do it at once. A measurement under load takes the queue for latency, and the limit
 * goes up by as much: `max` is the bound.
 *
 * Source: TCP Vegas (Brakmo and Peterson, 1995); VegasLimit of Netflix' concurrency-limits.
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

    /** Whether the latency was taken for the one without load, and so says nothing of a queue. */
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

    /** By how much the limit should change. */
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
