import { getEventListeners } from "node:events";
import type { World } from "../world.ts";

export const nothingLeft = "no timer and no listener is left";

/** Signals that are looked at: looking costs more than a call. */
const oneOf = 16;

/** Whenever no call is under way the layers have no timer set. A caller's signal has no listener once its call is over. */
export function leftoversWatch(world: World): {
  /** A call is over. */
  over(id: number, signal: AbortSignal | undefined): void;
  /** No call is under way, and no layer has something of its own to do. */
  idle(): void;
} {
  let signals: AbortSignal[] = [];
  world.always(() => {
    if (signals.length === 0) return;
    for (const signal of signals) {
      const { length } = getEventListeners(signal, "abort");
      if (length > 0) world.violate(nothingLeft, `${length} listeners are left on a caller's signal`);
    }
    signals = [];
  });
  const idle = (): void => {
    if (world.layerTimers > 0) world.violate(nothingLeft, `${world.layerTimers} timers are set`);
  };
  world.atTheEnd(idle);
  return {
    idle,
    over(id, signal) {
      if (signal !== undefined && id % oneOf === 0) signals.push(signal);
    },
  };
}
