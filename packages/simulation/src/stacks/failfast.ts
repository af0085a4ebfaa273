import { between } from "../random.ts";
import { wakeUpWatch } from "../invariants/wake-ups.ts";
import type { Environment } from "../environment.ts";

/** A failfast and its state. While it is failing it is ready, and it may be waiting for inner on its own. */
export class ObservedFailfast {
  isFailing = false;
  readonly #environment: Environment;

  /** @param isFree Whether the inner service would admit a call. */
  constructor(environment: Environment, isFree: () => boolean) {
    this.#environment = environment;
    wakeUpWatch(environment.world, { name: "failfast", size: () => (this.isFailing ? 1 : 0), isFree });
  }

  failfast(): ReturnType<Environment["parts"]["failfast"]> {
    const { parts, chance, world } = this.#environment;
    const { count } = world;
    return parts.failfast({
      ms: between(chance, 30, 600),
      observer: {
        failing: () => {
          this.isFailing = true;
          count("failing fast");
        },
        recovered: () => {
          this.isFailing = false;
        },
      },
      clock: world.clock,
    });
  }
}
