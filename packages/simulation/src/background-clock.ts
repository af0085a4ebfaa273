import type { Clock, Timer } from "@pagoda/core";
import type { SimulationTimer, World } from "./world.ts";

/**
 * For background work that has timers while no call is in flight, so that they are not counted as leaks. After `close`,
 * none may be pending.
 */
export class BackgroundClock implements Clock {
  /** Timers that are set. */
  pending = 0;
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  now(): number {
    return this.#world.clock.now();
  }

  wallTime(): number {
    return this.#world.clock.wallTime();
  }

  setTimer(ms: number, run: () => void): Timer {
    this.pending++;
    return this.#world.after(ms, () => {
      this.pending--;
      run();
    });
  }

  clearTimer(timer: Timer): void {
    const own = timer as SimulationTimer;
    if (own.isSet) this.pending--;
    this.#world.cancel(own);
  }
}
