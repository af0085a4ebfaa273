import type { LimitAlgorithm } from "@pagoda/concurrency-limit";
import { limitRefusals } from "../invariants/refusals.ts";
import { SlotsModel } from "../invariants/slots.ts";
import type { Watch } from "../probe.ts";
import { classifier } from "../request.ts";
import type { Setting } from "../setting.ts";

/** A concurrency limit, fixed or adaptive, with its watch. */
export class Limited {
  readonly slots: SlotsModel;
  readonly inside: readonly Watch[];
  readonly #setting: Setting;
  readonly #limit: number | LimitAlgorithm;
  readonly #limitChanged: (limit: number) => void;

  constructor(setting: Setting, limit: number | LimitAlgorithm) {
    const { world } = setting;
    const atFirst = typeof limit === "number" ? limit : Number(limit.options["initial"]);
    // The other algorithms go by latencies, too: they may shrink without a drop.
    const goesByDrops = typeof limit !== "number" && limit.name === "aimd";
    const refusals = goesByDrops ? limitRefusals(world, atFirst) : undefined;
    this.#setting = setting;
    this.#limit = limit;
    this.slots = new SlotsModel(world, atFirst);
    this.inside = refusals === undefined ? [this.slots.inside] : [this.slots.inside, refusals.inside];
    this.#limitChanged = (next) => {
      this.slots.limitChanged(next);
      refusals?.limitChanged(next);
      world.count("limit changed");
    };
  }

  concurrencyLimit(): ReturnType<Setting["parts"]["concurrencyLimit"]> {
    const { parts, world } = this.#setting;
    return parts.concurrencyLimit({
      limit: this.#limit,
      classifier,
      observer: { limitChanged: this.#limitChanged },
      clock: world.clock,
      random: world.chance("limit"),
    });
  }
}
