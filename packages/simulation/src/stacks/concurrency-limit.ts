import type { LimitAlgorithm } from "@pagoda/concurrency-limit";
import { limitRefusals } from "../invariants/refusals.ts";
import { SlotsModel } from "../invariants/slots.ts";
import type { Watch } from "../probe.ts";
import { classifier } from "../request.ts";
import type { Environment } from "../environment.ts";

/** A concurrency limit, fixed or adaptive, with its observers. */
export class ObservedLimit {
  readonly slots: SlotsModel;
  readonly inside: readonly Watch[];
  readonly #environment: Environment;
  readonly #limit: number | LimitAlgorithm;
  readonly #limitChanged: (limit: number) => void;

  constructor(environment: Environment, limit: number | LimitAlgorithm) {
    const { world } = environment;
    const initial = typeof limit === "number" ? limit : Number(limit.options["initial"]);
    // The other algorithms also react to latency and may shrink without a drop.
    const shrinksOnDropsOnly = typeof limit !== "number" && limit.name === "aimd";
    const refusals = shrinksOnDropsOnly ? limitRefusals(world, initial) : undefined;
    this.#environment = environment;
    this.#limit = limit;
    this.slots = new SlotsModel(world, initial);
    this.inside = refusals === undefined ? [this.slots.inside] : [this.slots.inside, refusals.inside];
    this.#limitChanged = (next) => {
      this.slots.limitChanged(next);
      refusals?.limitChanged(next);
      world.count("limit changed");
    };
  }

  concurrencyLimit(): ReturnType<Environment["parts"]["concurrencyLimit"]> {
    const { parts, world } = this.#environment;
    return parts.concurrencyLimit({
      limit: this.#limit,
      classifier,
      observer: { limitChanged: this.#limitChanged },
      clock: world.clock,
      random: world.chance("limit"),
    });
  }
}
