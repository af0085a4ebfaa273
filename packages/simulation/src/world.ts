import type { Random, Timer } from "@pagoda/core";
import { randomStream, settled, type VirtualClock, virtualClock } from "@pagoda/core/testing";

/** A violated invariant. */
export interface Violation {
  /** The invariant's name. */
  readonly invariant: string;
  readonly observed: string;
  /** Virtual time. */
  readonly atMs: number;
}

/** A timer of the simulation itself, as opposed to those of the layers. */
export interface SimulationTimer {
  readonly timer: Timer;
  isSet: boolean;
}

/** Steps between yields to the event loop, so that the process stays responsive to its parent. */
const stepsInARow = 1_024;

/** Time, random choices and invariants of a run. Everything in a run happens in one world. */
export class World {
  readonly seed: number;
  /** Counts of what happened, by name. */
  readonly tally: Map<string, number> = new Map();
  /** For the layers. */
  readonly clock: VirtualClock = virtualClock();
  #violation: Violation | undefined;
  #own = 0;
  readonly #checks: (() => void)[] = [];
  #soon: (() => void)[] = [];
  readonly #last: (() => void | Promise<void>)[] = [];

  constructor(seed: number) {
    this.seed = seed;
  }

  chance(purpose: string): Random {
    return randomStream(this.seed, purpose);
  }

  readonly count = (name: string): void => {
    this.tally.set(name, (this.tally.get(name) ?? 0) + 1);
  };

  get now(): number {
    return this.clock.now();
  }

  /** The first invariant found broken. */
  get violation(): Violation | undefined {
    return this.#violation;
  }

  violate(invariant: string, observed: string): void {
    this.#violation ??= { invariant, observed, atMs: this.now };
  }

  /** Runs `check` at every moment, once all microtasks have run. */
  always(check: () => void): void {
    this.#checks.push(check);
  }

  /** Runs `check` once, when all microtasks of this moment have run. */
  soon(check: () => void): void {
    this.#soon.push(check);
  }

  /** Runs `check` when the last call is over and nothing is in flight. */
  atTheEnd(check: () => void | Promise<void>): void {
    this.#last.push(check);
  }

  /** Sets a timer of the simulation's own. */
  after(ms: number, run: () => void): SimulationTimer {
    this.#own++;
    const own: SimulationTimer = {
      isSet: true,
      timer: this.clock.setTimer(ms, () => {
        own.isSet = false;
        this.#own--;
        run();
      }),
    };
    return own;
  }

  cancel(own: SimulationTimer | undefined): void {
    if (own?.isSet !== true) return;
    own.isSet = false;
    this.#own--;
    this.clock.clearTimer(own.timer);
  }

  /** Timers that layers have set. */
  get layerTimers(): number {
    return this.clock.pending - this.#own;
  }

  /** Advances time until `isOver`, until no timer is left or until an invariant is violated. */
  async run(isOver: () => boolean): Promise<void> {
    for (let step = 1; ; step++) {
      await this.settle(step);
      if (this.#violation !== undefined || isOver() || !this.clock.fireNext()) return;
    }
  }

  /** Runs all microtasks of this moment, then the checks. */
  async settle(step = 0): Promise<void> {
    await (step % stepsInARow === 0 ? settled() : drained());
    for (const check of this.#checks) check();
    if (this.#soon.length === 0) return;
    const soon = this.#soon;
    this.#soon = [];
    for (const check of soon) check();
  }

  async end(): Promise<void> {
    for (const check of this.#last) if (this.#violation === undefined) await check();
  }
}

/** Like `settled` without a turn of the event loop, which would cost three times as much. */
function drained(): Promise<void> {
  // A nextTick scheduled by a microtask runs once the microtask queue is empty.
  return new Promise((resolve) => queueMicrotask(() => process.nextTick(resolve)));
}
