import type { Watch } from "../probe.ts";
import type { World } from "../world.ts";

export const abortsReachInner = "an abort reaches the origin in the same tick, and nothing outlives its call";

/**
 * Knows the calls that origins work on, by the request. In the tick in which a caller leaves, the signals of all of
 * them are aborted; and when a call is over nothing is under way on its behalf.
 */
export class AbortWatch {
  readonly #world: World;
  readonly #signals = new Map<number, (AbortSignal | undefined)[]>();
  /** Callers that have left and have no answer yet; whether the call had begun before. */
  readonly #gone = new Map<number, boolean>();
  /** Aborted, or over, at this moment. */
  #aborted: number[] = [];
  #over: number[] = [];

  constructor(world: World) {
    this.#world = world;
    world.always(() => this.#check());
    world.atTheEnd(() => {
      if (this.#signals.size > 0)
        world.violate(abortsReachInner, `origins work on ${this.#signals.size} requests when all is over`);
    });
  }

  /** To stand right around each origin. */
  readonly origin: Watch = {
    entered: ({ request: { id }, signal }) => {
      if (this.#gone.get(id) === true)
        this.#world.violate(abortsReachInner, `call ${id} goes to an origin after its caller has left`);
      const signals = this.#signals.get(id);
      if (signals === undefined) this.#signals.set(id, [signal]);
      else signals.push(signal);
    },
    left: ({ request: { id }, signal }) => {
      const signals = this.#signals.get(id) as (AbortSignal | undefined)[];
      signals.splice(signals.indexOf(signal), 1);
      if (signals.length === 0) this.#signals.delete(id);
    },
  };

  /** A call is about to be made whose caller has left already. It may go anywhere, but it ends at once. */
  lost(id: number): void {
    this.#gone.set(id, false);
    this.#aborted.push(id);
  }

  /** The caller has left, just now. */
  aborted(id: number): void {
    this.#gone.set(id, true);
    this.#aborted.push(id);
    for (const signal of this.#signals.get(id) ?? []) {
      if (signal?.aborted !== true)
        this.#world.violate(
          abortsReachInner,
          `the origin's signal of call ${id} is not aborted with the caller's`,
        );
    }
  }

  /** The caller has its answer. */
  over(id: number): void {
    this.#over.push(id);
    this.#gone.delete(id);
  }

  #check(): void {
    if (this.#over.length > 0) {
      for (const id of this.#over) {
        if (this.#signals.has(id))
          this.#world.violate(abortsReachInner, `call ${id} is over, and an origin still works on it`);
      }
      this.#over = [];
    }
    if (this.#aborted.length > 0) {
      for (const id of this.#aborted) {
        if (this.#gone.has(id))
          this.#world.violate(abortsReachInner, `call ${id} continues after its caller has left`);
      }
      this.#aborted = [];
    }
  }
}
