import type { Clock, Timer } from "@pagoda/core";
import type { OwnTimer, World } from "./world.ts";

/**
 * For what has timers of its own while no call is under way: they are told from those that layers leave behind. When
 * it is closed, none of them must be left.
 */
export class StandingClock implements Clock {
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
    const own = timer as OwnTimer;
    if (own.isSet) this.pending--;
    this.#world.cancel(own);
  }
}
