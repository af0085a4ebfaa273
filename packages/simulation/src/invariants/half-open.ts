import type { BreakerObserver, Opening } from "@pagoda/circuit-breaker";
import { isReady } from "@pagoda/core";
import type { LayerWatch, ObservedCall } from "../probe.ts";
import { classifier, type Result, type Stack } from "../request.ts";
import type { World } from "../world.ts";

export const exactProbes = "a circuit opens when it must and admits exactly the configured probes";

export interface BreakerShape {
  readonly failures: number;
  readonly probes: number;
  readonly openMs: number;
  readonly maxOpenMs: number;
}

/** How long a breaker that would admit a probe may go without a call before it is asked. */
const idleMs = 50;

/**
 * A model of a circuit breaker, fed with what enters and leaves the real one. It decides for each call whether it must
 * be admitted, and the real one must agree: no probe too many or too few, and an aborted probe frees its slot.
 */
export class BreakerModel implements LayerWatch {
  readonly #world: World;
  readonly #shape: BreakerShape;
  #isClosed = true;
  #generation = 1;
  #failures = 0;
  #until = 0;
  #openings = 0;
  #admitted = 0;
  #succeeded = 0;
  /** Whether the model admits the current call, and whether the breaker has. */
  #expected = false;
  #passed = false;

  #layered: Stack | undefined;
  #idleSince: number | undefined;

  constructor(world: World, shape: BreakerShape) {
    this.#world = world;
    this.#shape = shape;
  }

  /**
   * A breaker that is not ready is not called, so one that would admit a probe but gets no calls for long must be asked.
   * Not sooner: asking may be what wakes it up.
   *
   * @param isFreeInside Whether the inner service would admit a call.
   */
  check(isFreeInside: () => boolean): void {
    if (this.#isClosed || !this.admits() || !isFreeInside()) {
      this.#idleSince = undefined;
      return;
    }
    this.#idleSince ??= this.#world.now;
    if (this.#world.now - this.#idleSince < idleMs) return;
    this.#idleSince = undefined;
    if (!isReady(this.#layered as Stack))
      this.#world.violate(exactProbes, `not ready while ${this.#phase()}`);
  }

  /** Whether a call made now must be admitted. */
  admits(): boolean {
    return this.#isClosed || (this.#admitted < this.#shape.probes && this.#world.now >= this.#until);
  }

  readonly outside: LayerWatch["outside"] = {
    placed: (inner) => {
      this.#layered = inner;
    },
    entered: () => {
      this.#expected = this.admits();
      this.#passed = false;
    },
    made: () => {
      if (this.#passed === this.#expected) return;
      this.#world.violate(exactProbes, `${this.#passed ? "admitted" : "refused"} while ${this.#phase()}`);
    },
  };

  readonly inside: LayerWatch["inside"] = {
    entered: (call) => {
      this.#passed = true;
      call.note = this.#generation;
      if (!this.#isClosed) this.#admitted++;
    },
    left: (call, result) => this.#left(call, result),
  };

  /** Reports how long the real one stays open, which is random. */
  readonly observer: BreakerObserver = {
    opened: (opening) => this.#opened(opening),
    closed: () => {
      if (!this.#isClosed) this.#world.violate(exactProbes, `closed while ${this.#phase()}`);
    },
  };

  #left({ note }: ObservedCall, result: Result | undefined): void {
    if (note !== this.#generation) return;
    const kind = result === undefined ? "neutral" : classifier.outcome(result).kind;
    if (this.#isClosed) {
      if (kind === "success") this.#failures = 0;
      if (kind === "failure" && ++this.#failures >= this.#shape.failures) this.#open();
    } else if (kind === "neutral") {
      this.#admitted--;
      this.#world.count("probe returned");
    } else if (kind !== "success") this.#open();
    else if (++this.#succeeded === this.#shape.probes) this.#begin(true);
  }

  #open(): void {
    this.#begin(false);
    // It admits nothing until the duration is known.
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
    // The success rate is not modelled: it may open the circuit at any call that did not succeed.
    if (this.#isClosed && reason === "success-rate") this.#open();
    const ms = Math.min(this.#shape.openMs * 2 ** this.#openings++, this.#shape.maxOpenMs);
    if (this.#until !== Infinity || this.#isClosed)
      this.#world.violate(exactProbes, `opened (${reason}) while ${this.#phase()}`);
    else if (!(forMs >= ms / 2 && forMs <= ms))
      this.#world.violate(exactProbes, `open for ${forMs} ms; expected: ${ms / 2} to ${ms} ms`);
    this.#until = this.#world.now + forMs;
  }

  #phase(): string {
    if (this.#isClosed) return `closed, with ${this.#failures} of ${this.#shape.failures} failures in a row`;
    const left = this.#until - this.#world.now;
    if (left > 0) return `open for another ${left} ms`;
    return `half-open, with ${this.#admitted} of ${this.#shape.probes} probes admitted`;
  }
}
