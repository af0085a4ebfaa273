import { between } from "../chance.ts";
import { wakeUpWatch } from "../invariants/wake-ups.ts";
import type { Setting } from "../setting.ts";

/** A failfast, and whether it refuses at present: then it is ready, and may have something under way by itself. */
export class Failing {
  isFailing = false;
  readonly #setting: Setting;

  /** @param isFree Whether what is inside would admit a call. */
  constructor(setting: Setting, isFree: () => boolean) {
    this.#setting = setting;
    wakeUpWatch(setting.world, { name: "failfast", size: () => (this.isFailing ? 1 : 0), isFree });
  }

  failfast(): ReturnType<Setting["parts"]["failfast"]> {
    const { parts, chance, world } = this.#setting;
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
