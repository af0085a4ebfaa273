import { isReady } from "@pagoda/core";
import type { LayerWatch } from "../probe.ts";
import type { Stack } from "../request.ts";
import type { World } from "../world.ts";

export const shedsWhenNotReady = "a call is shed exactly when the inner service is not ready";

/** Asks the inner service of a load-shed for its readiness right before the load-shed does. */
export function shedWatch(world: World): LayerWatch {
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
            shedsWhenNotReady,
            `${passed ? "admitted" : "shed"} although inner was ${wasReady ? "" : "not "}ready`,
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
