import type { BreakerObserver, Opening } from "@pagoda/circuit-breaker";
import { isReady } from "@pagoda/core";
import type { Both, Passage } from "../probe.ts";
import { classifier, type Result, type Stack } from "../request.ts";
import type { World } from "../world.ts";

export const exactProbes = "a circuit opens when it must, and lets exactly so many probes through";

export interface BreakerShape {
  readonly failures: number;
  readonly probes: number;
  readonly openMs: number;
  readonly maxOpenMs: number;
}

/** For so long nobody has called a breaker that would let a probe through. */
const longMs = 50;

/**
 * A model of a breaker, fed with what enters and leaves the real one: it says for each call whether it must be let
 * through, and the real one must do just that. So no probe too many, none too few, and one that was aborted makes room
 * for another.
 */
export class BreakerModel implements Both {
  readonly #world: World;
  readonly #shape: BreakerShape;
  #isClosed = true;
  #generation = 1;
  #failures = 0;
  #until = 0;
  #openings = 0;
  #admitted = 0;
  #succeeded = 0;
  /** What the model says of the call that is being made, and whether it has passed. */
  #expected = false;
  #passed = false;

  #layered: Stack | undefined;
  #idleSince: number | undefined;

  constructor(world: World, shape: BreakerShape) {
    this.#world = world;
    this.#shape = shape;
  }

  /**
   * Nobody calls a breaker that is not ready, so one that would let a probe through and gets no call for long must be
   * asked. Not sooner: to be asked may be what it needs to wake up.
   *
   * @param isFreeInside Whether what is inside of it would admit a call.
   */
  check(isFreeInside: () => boolean): void {
    if (this.#isClosed || !this.admits() || !isFreeInside()) {
      this.#idleSince = undefined;
      return;
    }
    this.#idleSince ??= this.#world.now;
    if (this.#world.now - this.#idleSince < longMs) return;
    this.#idleSince = undefined;
    if (!isReady(this.#layered as Stack)) this.#world.violate(exactProbes, `not ready, ${this.#standing()}`);
  }

  /** Whether a call made now must be let through. */
  admits(): boolean {
    return this.#isClosed || (this.#admitted < this.#shape.probes && this.#world.now >= this.#until);
  }

  readonly outside: Both["outside"] = {
    placed: (inner) => {
      this.#layered = inner;
    },
    entered: () => {
      this.#expected = this.admits();
      this.#passed = false;
    },
    made: () => {
      if (this.#passed === this.#expected) return;
      this.#world.violate(exactProbes, `${this.#passed ? "let through" : "refused"}, ${this.#standing()}`);
    },
  };

  readonly inside: Both["inside"] = {
    entered: (passage) => {
      this.#passed = true;
      passage.note = this.#generation;
      if (!this.#isClosed) this.#admitted++;
    },
    left: (passage, result) => this.#left(passage, result),
  };

  /** To be told by the real one how long it is open, which is left to chance. */
  readonly observer: BreakerObserver = {
    opened: (opening) => this.#opened(opening),
    closed: () => {
      if (!this.#isClosed) this.#world.violate(exactProbes, `closed, ${this.#standing()}`);
    },
  };

  #left({ note }: Passage, result: Result | undefined): void {
    if (note !== this.#generation) return;
    const kind = result === undefined ? "neutral" : classifier.outcome(result).kind;
    if (this.#isClosed) {
      if (kind === "success") this.#failures = 0;
      if (kind === "failure" && ++this.#failures >= this.#shape.failures) this.#open();
    } else if (kind === "neutral") {
      this.#admitted--;
      this.#world.count("probe given back");
    } else if (kind !== "success") this.#open();
    else if (++this.#succeeded === this.#shape.probes) this.#begin(true);
  }

  #open(): void {
    this.#begin(false);
    // Until the duration is known, it admits nothing.
    this.#until = Infinity;
  }

  #begin(isClosed: boolean): void {
    this.#generation++;
    this.#isClosed = isClosed;
    this.#admitted = 0;
    this.#succeeded = 0;
    this.#failures = 0;
    if (isClosed) this.#openings = 0;
  }

  #opened({ reason, forMs }: Opening): void {
    // The success rate is left to the breaker's own tests: it may open at any call that did not succeed.
    if (this.#isClosed && reason === "success-rate") this.#open();
    const ms = Math.min(this.#shape.openMs * 2 ** this.#openings++, this.#shape.maxOpenMs);
    if (this.#until !== Infinity || this.#isClosed)
      this.#world.violate(exactProbes, `opened (${reason}), ${this.#standing()}`);
    else if (!(forMs >= ms / 2 && forMs <= ms))
      this.#world.violate(exactProbes, `open for ${forMs} ms: from ${ms / 2} to ${ms} is right`);
    this.#until = this.#world.now + forMs;
  }

  #standing(): string {
    if (this.#isClosed) return `closed, with ${this.#failures} of ${this.#shape.failures} failures in a row`;
    const left = this.#until - this.#world.now;
    if (left > 0) return `open for another ${left} ms`;
    return `half-open, with ${this.#admitted} of ${this.#shape.probes} probes let through`;
  }
}
