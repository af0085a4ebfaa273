import type { Random } from "@pagoda/core";
import { Alias } from "./alias.ts";
import { lookOn } from "./look-on.ts";
import { type Candidate, isItsTurn } from "./strategy.ts";

/** What a further call would meet at a candidate: in proportion to the calls that would then be under way. */
export type Cost = (candidate: Candidate, nowMs: number) => number;

/** So often a second one is drawn by weight; what is drawn then is any but the first. */
const redraws = 3;

/**
 * The power of two choices: of two candidates drawn by weight the cheaper one, and of two that cost the same the first.
 *
 * Weights count in the draws, and again where two of different weight are compared: the second is looked at as if it
 * had the first's weight. Without that, one of small weight would be free whenever it is drawn, and of two endpoints
 * both are always drawn. With equal weights it makes no difference.
 *
 * Cost per pick: two draws, two costs, and the asking of the cheaper one.
 *
 * Source: M. Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing" (2001).
 */
export class TwoChoices {
  readonly #random: Random;
  readonly #cost: Cost;
  #candidates: readonly Candidate[] = [];
  /** Absent where all weights are the same. */
  #byWeight: Alias | undefined;

  constructor(random: Random, cost: Cost) {
    this.#random = random;
    this.#cost = cost;
  }

  update(candidates: readonly Candidate[]): void {
    this.#candidates = candidates;
    const weights = candidates.map(({ weight }) => weight);
    this.#byWeight = weights.every((weight) => weight === weights[0]) ? undefined : new Alias(weights);
  }

  pick(nowMs: number): number {
    const candidates = this.#candidates;
    const { length } = candidates;
    if (length < 2) return lookOn(candidates, this.#random);
    const first = this.#draw(length);
    const second = this.#drawOther(first, length);
    const cheaper = this.#isCheaper(second, first, nowMs) ? second : first;
    if (this.#mayHaveIt(cheaper)) return cheaper;
    const dearer = first + second - cheaper;
    return this.#mayHaveIt(dearer) ? dearer : lookOn(candidates, this.#random);
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
    // So many calls of the first weigh as much as one of the second.
    const ratio = one.weight / other.weight;
    const underWay = other.pending * ratio + Math.max(1, ratio);
    return (cost * underWay) / (other.pending + 1) < this.#cost(one, nowMs);
  }

  #mayHaveIt(place: number): boolean {
    const candidate = this.#candidates[place] as Candidate;
    return isItsTurn(candidate, this.#random) && candidate.isReady();
  }
}
