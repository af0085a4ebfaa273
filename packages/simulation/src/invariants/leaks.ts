import { abortListeners } from "@pagoda/core/testing";
import type { World } from "../world.ts";

export const noLeaks = "no timer or listener leaks";

/** Only one in this many signals is checked, because a check costs more than a call. */
const sampling = 16;

/** Layers may have no timer while no call is in flight, and no listener on a caller's signal once its call is over. */
export function leakWatch(world: World): {
  /** Call `id` is over. */
  over(id: number, signal: AbortSignal | undefined): void;
  /** No call is in flight, and no layer has work of its own. */
  idle(): void;
} {
  let signals: AbortSignal[] = [];
  world.always(() => {
    if (signals.length === 0) return;
    for (const signal of signals) {
      const length = abortListeners(signal);
      if (length > 0) world.violate(noLeaks, `${length} listeners remain on a caller's signal`);
    }
    signals = [];
  });
  const idle = (): void => {
    if (world.layerTimers > 0) world.violate(noLeaks, `${world.layerTimers} timers remain`);
  };
  world.atTheEnd(idle);
  return {
    idle,
    over(id, signal) {
      if (signal !== undefined && id % sampling === 0) signals.push(signal);
    },
  };
}
