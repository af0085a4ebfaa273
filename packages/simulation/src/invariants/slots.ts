import type { LayerWatch } from "../probe.ts";
import type { Request, Stack } from "../request.ts";
import { trial } from "../requests.ts";
import type { World } from "../world.ts";

export const slotsReturned = "a concurrency limit is never exceeded, and every slot is returned";

/**
 * Counts the calls in flight inside a concurrency limit. None may be admitted above the limit or refused below it. At
 * the end, as many concurrent calls as the limit allows must be admitted.
 */
export class SlotsModel implements LayerWatch {
  readonly #world: World;
  readonly #trial: Request;
  #limit: number;
  #inFlight = 0;
  #passed = false;
  #layered: Stack | undefined;

  /** @param request A request to test the slots with at the end. */
  constructor(world: World, limit: number, request: Request = trial) {
    this.#world = world;
    this.#limit = limit;
    this.#trial = request;
    world.atTheEnd(() => this.#tryAll());
  }

  /** Whether a slot is free. */
  admits(): boolean {
    return this.#inFlight < this.#limit;
  }

  limitChanged(limit: number): void {
    this.#limit = limit;
  }

  readonly outside: LayerWatch["outside"] = {
    placed: (inner) => {
      this.#layered = inner;
    },
    entered: () => {
      this.#passed = false;
    },
    made: () => {
      if (!this.#passed && this.#inFlight < this.#limit)
        this.#world.violate(
          slotsReturned,
          `refused with ${this.#inFlight} of ${this.#limit} calls in flight`,
        );
    },
  };

  readonly inside: LayerWatch["inside"] = {
    entered: () => {
      this.#passed = true;
      if (++this.#inFlight > this.#limit)
        this.#world.violate(slotsReturned, `${this.#inFlight} calls in flight; allowed: ${this.#limit}`);
    },
    left: () => {
      this.#inFlight--;
    },
  };

  async #tryAll(): Promise<void> {
    const layered = this.#layered;
    if (layered === undefined) return;
    if (this.#inFlight > 0)
      this.#world.violate(slotsReturned, `${this.#inFlight} calls are in flight after all are over`);
    const limit = this.#limit;
    const controller = new AbortController();
    const calls = Array.from({ length: limit }, () => layered.call(this.#trial, controller.signal));
    if (this.#inFlight < limit)
      this.#world.violate(slotsReturned, `${limit - this.#inFlight} of ${limit} slots are lost`);
    controller.abort();
    await Promise.all(calls);
  }
}
