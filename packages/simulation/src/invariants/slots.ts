import type { Both } from "../probe.ts";
import type { Request, Stack } from "../request.ts";
import { trial } from "../requests.ts";
import type { World } from "../world.ts";

export const slotsGivenBack = "a limit is kept, and every slot is given back";

/**
 * Counts the calls under way inside of a concurrency limit: never more than the limit when one is admitted, and none is
 * refused while one is free. At the end as many calls at once as the limit has slots must get through.
 */
export class SlotsModel implements Both {
  readonly #world: World;
  readonly #trial: Request;
  #limit: number;
  #inFlight = 0;
  #passed = false;
  #layered: Stack | undefined;

  /** @param request A request to try the slots with at the end. */
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

  readonly outside: Both["outside"] = {
    placed: (inner) => {
      this.#layered = inner;
    },
    entered: () => {
      this.#passed = false;
    },
    made: () => {
      if (!this.#passed && this.#inFlight < this.#limit)
        this.#world.violate(
          slotsGivenBack,
          `refused with ${this.#inFlight} of ${this.#limit} calls under way`,
        );
    },
  };

  readonly inside: Both["inside"] = {
    entered: () => {
      this.#passed = true;
      if (++this.#inFlight > this.#limit)
        this.#world.violate(slotsGivenBack, `${this.#inFlight} calls under way: ${this.#limit} are allowed`);
    },
    left: () => {
      this.#inFlight--;
    },
  };

  async #tryAll(): Promise<void> {
    const layered = this.#layered;
    if (layered === undefined) return;
    if (this.#inFlight > 0)
      this.#world.violate(slotsGivenBack, `${this.#inFlight} calls are under way when all are over`);
    const limit = this.#limit;
    const controller = new AbortController();
    const calls = Array.from({ length: limit }, () => layered.call(this.#trial, controller.signal));
    if (this.#inFlight < limit)
      this.#world.violate(slotsGivenBack, `of ${limit} slots ${limit - this.#inFlight} are lost`);
    controller.abort();
    await Promise.all(calls);
  }
}
