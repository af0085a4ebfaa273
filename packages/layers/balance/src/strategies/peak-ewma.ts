import { checkNumber, type Random, systemRandom } from "@pagoda/core";
import { Latency } from "../latency.ts";
import { TwoChoices } from "../p2c.ts";
import type { Candidate, Strategy } from "../strategy.ts";

export interface PeakEwmaOptions {
  /** The time in which an old latency counts for 1/e: milliseconds, over 0. Default 10,000, linkerd's. */
  readonly decayMs?: number;
  /** What an endpoint is believed to take of which no call has ended yet: milliseconds, over 0. Default 30, linkerd's. */
  readonly initialMs?: number;
  readonly random?: Random;
}

/**
 * Of two endpoints drawn by weight the one that would answer sooner: by the latency it has shown, times the calls that
 * would be under way. Peaks count at once and are forgotten slowly, so an endpoint that becomes slow is left alone after
 * few calls, and tried again by single ones. Use it where endpoints differ in speed, or one of them may hang.
 *
 * Failures count as slow, at least 5 s, so that an endpoint that fails fast does not draw the calls. Aborted calls
 * count with the time they took at least; local refusals do not count.
 *
 * Cost per pick: about 100 ns, however many endpoints there are; and two readings of the clock for each call.
 *
 * Source: Finagle's `PeakEwma` and linkerd's; the experiment is linkerd's "Beyond Round Robin" (2016).
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
  // Absent only where somebody drives the strategy without a balancer: then what is under way decides.
  return load === undefined ? pending + 1 : load.cost(pending, nowMs);
}
