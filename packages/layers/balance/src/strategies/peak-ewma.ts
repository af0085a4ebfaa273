import { checkNumber, type Random, systemRandom } from "@pagoda/core";
import { Latency } from "../latency.ts";
import { TwoChoices } from "../p2c.ts";
import type { Candidate, Strategy } from "../strategy.ts";

/** Options of {@link peakEwma}. */
export interface PeakEwmaOptions {
  /**
   * Time after which an old latency counts for 1/e, in milliseconds: over 0. Default 10,000, as in
   * linkerd.
   */
  readonly decayMs?: number;
  /**
   * Assumed latency of an endpoint before its first call ends, in milliseconds: over 0. Default 30,
   * as in linkerd.
   */
  readonly initialMs?: number;
  readonly random?: Random;
}

/**
 * Draws two endpoints by weight and takes the one expected to respond sooner: by its latency, times
 * the calls that would be pending. Peaks count at once and decay slowly, so an endpoint that
 * becomes slow is avoided after a few calls, and tried again with single ones. Use it if endpoints
 * differ in speed, or one of them may hang.
 *
 * Failures count as slow, at least 5 s, so that an endpoint that fails fast does not attract calls.
 * Aborted calls count with at least the time they took; local refusals do not count.
 *
 * Cost per pick: about 100 ns for any number of endpoints, plus two reads of the clock per call.
 *
 * Source: Finagle's `PeakEwma` and linkerd's; the experiment is linkerd's "Beyond Round Robin"
 * (2016).
 *
 * @throws RangeError when an option is out of range.
 */
export function peakEwma(options: PeakEwmaOptions = {}): Strategy {
  const { decayMs = 10_000, initialMs = 30, random = systemRandom } = options;
  checkNumber("balance: decayMs", decayMs, { above: 0 });
  checkNumber("balance: initialMs", initialMs, { above: 0 });
  const choices = new TwoChoices(random, measured);
  return {
    name: "peak-ewma",
    options: { decayMs, initialMs },
    load: (_endpoint, nowMs) => new Latency(decayMs, initialMs, nowMs),
    update(candidates) {
      choices.update(candidates);
    },
    pick: (_request, nowMs) => choices.pick(nowMs),
  };
}

function measured({ load, pending }: Candidate, nowMs: number): number {
  // Absent only if the strategy is used without a balancer; then pending calls decide.
  return load === undefined ? pending + 1 : load.cost(pending, nowMs);
}
