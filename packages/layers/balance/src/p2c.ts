import type { Random } from "@pagoda/core";
import { AliasMethod } from "./alias-method.ts";
import { scanReady } from "./scan-ready.ts";
import { type Candidate, isItsTurn } from "./strategy.ts";

/**
 * The cost of one more call at a candidate, proportional to the number of calls that would then be
 * pending.
 */
export type Cost = (candidate: Candidate, nowMs: number) => number;

/** Number of draws by weight for the second candidate, before any but the first is drawn. */
const redraws = 3;

/**
 * The power of two choices: draws two candidates by weight and takes the cheaper one, or the first
 * of two that cost the same.
 *
 * Weights count in the draws, and again in the comparison of candidates of different weight, where
 * the second is scaled to the weight of the first. Otherwise a candidate of small weight would be
 * idle whenever it is drawn, and out of two endpoints both are always drawn. With equal weights the
 * scaling has no effect.
 *
 * Cost per pick: two draws, two costs, and a readiness check of the cheaper one.
 *
 * Source: M. Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing" (2001).
 */
export class TwoChoices {
  readonly #random: Random;
  readonly #cost: Cost;
  #candidates: readonly Candidate[] = [];
  /** `undefined` if all weights are equal. */
  #byWeight: AliasMethod | undefined;

  constructor(random: Random, cost: Cost) {
    this.#random = random;
    this.#cost = cost;
  }

  update(candidates: readonly Candidate[]): void {
    this.#candidates = candidates;
    const weights = candidates.map(({ weight }) => weight);
    this.#byWeight = weights.every((weight) => weight === weights[0]) ? undefined : new AliasMethod(weights);
  }

  pick(nowMs: number): number {
    const candidates = this.#candidates;
    const { length } = candidates;
    if (length < 2) return scanReady(candidates, this.#random);
    const first = this.#draw(length);
    const second = this.#drawOther(first, length);
    const cheaper = this.#isCheaper(second, first, nowMs) ? second : first;
    if (this.#canTake(cheaper)) return cheaper;
    const dearer = first + second - cheaper;
    return this.#canTake(dearer) ? dearer : scanReady(candidates, this.#random);
  }

  #draw(length: number): number {
    return this.#byWeight === undefined
      ? Math.floor(this.#random() * length)
      : this.#byWeight.draw(this.#random);
  }

  #drawOther(first: number, length: number): number {
    if (this.#byWeight !== undefined) {
      for (let tries = 0; tries < redraws; tries++) {
        const place = this.#byWeight.draw(this.#random);
        if (place !== first) return place;
      }
    }
    const place = Math.floor(this.#random() * (length - 1));
    return place < first ? place : place + 1;
  }

  #isCheaper(second: number, first: number, nowMs: number): boolean {
    const one = this.#candidates[first] as Candidate;
    const other = this.#candidates[second] as Candidate;
    const cost = this.#cost(other, nowMs);
    if (one.weight === other.weight) return cost < this.#cost(one, nowMs);
    // Calls of the first that weigh as much as one of the second.
    const ratio = one.weight / other.weight;
    const underWay = other.pending * ratio + Math.max(1, ratio);
    return (cost * underWay) / (other.pending + 1) < this.#cost(one, nowMs);
  }

  #canTake(place: number): boolean {
    const candidate = this.#candidates[place] as Candidate;
    return isItsTurn(candidate, this.#random) && candidate.isReady();
  }
}
