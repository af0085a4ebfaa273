import type { Watch } from "../probe.ts";
import type { World } from "../world.ts";

export const abortsReachOrigins =
  "an abort reaches the origins in the same tick, and no work outlives its call";

/**
 * Tracks the origin calls of each request. When a caller aborts, the signals of all of them must abort in the same
 * tick; when a call is over, none of them may be in flight.
 */
export class AbortWatch {
  readonly #world: World;
  readonly #signals = new Map<number, (AbortSignal | undefined)[]>();
  /** Aborted calls that have no result yet, and whether they had begun before. */
  readonly #aborting = new Map<number, boolean>();
  /** Calls aborted or over at this moment. */
  #aborted: number[] = [];
  #over: number[] = [];

  constructor(world: World) {
    this.#world = world;
    world.always(() => this.#check());
    world.atTheEnd(() => {
      if (this.#signals.size > 0)
        world.violate(abortsReachOrigins, `origins still process ${this.#signals.size} requests at the end`);
    });
  }

  /** Belongs directly around each origin. */
  readonly origin: Watch = {
    entered: ({ request: { id }, signal }) => {
      if (this.#aborting.get(id) === true)
        this.#world.violate(abortsReachOrigins, `call ${id} reaches an origin after its abort`);
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

  /** Call `id` is about to be made with an aborted signal. It may reach origins but must end at once. */
  abortedBefore(id: number): void {
    this.#aborting.set(id, false);
    this.#aborted.push(id);
  }

  /** Call `id` was aborted. */
  aborted(id: number): void {
    this.#aborting.set(id, true);
    this.#aborted.push(id);
    for (const signal of this.#signals.get(id) ?? []) {
      if (signal?.aborted !== true)
        this.#world.violate(
          abortsReachOrigins,
          `the origin's signal for call ${id} did not abort with the caller's`,
        );
    }
  }

  /** The caller has its result. */
  over(id: number): void {
    this.#over.push(id);
    this.#aborting.delete(id);
  }

  #check(): void {
    if (this.#over.length > 0) {
      for (const id of this.#over) {
        if (this.#signals.has(id))
          this.#world.violate(abortsReachOrigins, `call ${id} is over, but an origin still processes it`);
      }
      this.#over = [];
    }
    if (this.#aborted.length > 0) {
      for (const id of this.#aborted) {
        if (this.#aborting.has(id))
          this.#world.violate(abortsReachOrigins, `call ${id} continues after its abort`);
      }
      this.#aborted = [];
    }
  }
}
