import { type Random, right, service, staticEndpoints } from "@pagoda/core";
import { seededRandom, virtualClock } from "@pagoda/core/testing";
import { balance, type Strategy } from "@pagoda/balance";

const endpoints = 11;
const perSecond = 1_000;
const totalMs = 60_000;
const medianMs = 167;
const deviationMs = 5;
const slowMs = 2_000;
const slowFromMs = 15_000;
const slowUntilMs = 45_000;

/**
 * Returns the sorted latencies of a minute of 1,000 calls per second over eleven endpoints that
 * respond within 167 ± 5 ms. From the 15th second on, one of them takes 2 s for 30 seconds.
 *
 * Source: S. Jenson and R. Oanta, "Beyond Round Robin: Load Balancing for Latency" (linkerd.io,
 * 2016). Theirs replays latencies of a production system, of which they report these two numbers.
 */
export async function latencies(make: (random: Random) => Strategy, seed: number): Promise<Float64Array> {
  const clock = virtualClock();
  const usual = seededRandom(seed);
  const balanced = balance({
    clock,
    strategy: make(seededRandom(seed + 1)),
    discovery: staticEndpoints(Array.from({ length: endpoints }, (_, n) => ({ key: `endpoint-${n}` }))),
    connect: ({ key }) =>
      service(key, (_request: number) => {
        const usualMs = medianMs + deviationMs * normal(usual);
        const isSlow = key === "endpoint-0" && clock.now() >= slowFromMs && clock.now() < slowUntilMs;
        const { promise, resolve } = Promise.withResolvers<void>();
        clock.setTimer(isSlow ? slowMs : usualMs, resolve);
        return promise.then(() => right("done"));
      }),
  });

  const taken = new Float64Array((totalMs * perSecond) / 1_000);
  for (let call = 0; call < taken.length; call++) {
    clock.setTimer((call * 1_000) / perSecond, async () => {
      const began = clock.now();
      await balanced.call(call);
      taken[call] = clock.now() - began;
    });
  }
  await clock.runAll();
  return taken.toSorted();
}

/** Returns a percentile of the latencies. */
export function percentile(sorted: Float64Array, share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] as number;
}

/** Returns the fraction of calls that took no longer. */
export function shareWithin(sorted: Float64Array, ms: number): number {
  return sorted.filter((each) => each <= ms).length / sorted.length;
}

/**
 * Approximates a standard normal distribution by a sum of twelve uniform numbers, the same on every
 * machine.
 */
function normal(random: Random): number {
  let sum = -6;
  for (let n = 0; n < 12; n++) sum += random();
  return sum;
}
