import { isReady } from "@pagoda/core";
import type { Both } from "../probe.ts";
import type { Stack } from "../request.ts";
import type { World } from "../world.ts";

export const shedsWhatIsTooMuch = "a call is shed when what is inside is not ready, and only then";

/** Asks what is inside of a load-shed right before it does. */
export function shedWatch(world: World): Both {
  let inside: Stack | undefined;
  let wasReady = false;
  let passed = false;
  return {
    outside: {
      entered() {
        wasReady = isReady(inside as Stack);
        passed = false;
      },
      made() {
        if (passed !== wasReady)
          world.violate(
            shedsWhatIsTooMuch,
            `${passed ? "let through" : "shed"}, and inside is ${wasReady ? "" : "not "}ready`,
          );
      },
    },
    inside: {
      placed(inner) {
        inside = inner;
      },
      entered() {
        passed = true;
      },
    },
  };
}
