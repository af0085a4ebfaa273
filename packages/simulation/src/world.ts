import type { Random, Timer } from "@pagoda/core";
import { settled, type VirtualClock, virtualClock } from "@pagoda/core/testing";
import { stream } from "./chance.ts";

/** An invariant does not hold. */
export interface Violation {
  /** The invariant's name. */
  readonly invariant: string;
  readonly seen: string;
  /** Virtual time. */
  readonly atMs: number;
}

/** A timer of the simulation itself, told from those of the layers. */
export interface OwnTimer {
  readonly timer: Timer;
  isSet: boolean;
}

/** How many steps may pass before yielding to the event loop, which the process that waits for this one needs. */
const stepsInARow = 1_024;

/** Time, random choices and invariants of a run. Everything in a run happens in one world. */
export class World {
  readonly seed: number;
  /** What happened how often, by name. */
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
    return stream(this.seed, purpose);
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

  violate(invariant: string, seen: string): void {
    this.#violation ??= { invariant, seen, atMs: this.now };
  }

  /** Runs whenever all that can happen at a moment has happened. */
  always(check: () => void): void {
    this.#checks.push(check);
  }

  /** Runs once, when all that can happen at this moment has happened. */
  soon(check: () => void): void {
    this.#soon.push(check);
  }

  /** Runs when the last call is over and nothing is under way any more. */
  atTheEnd(check: () => void | Promise<void>): void {
    this.#last.push(check);
  }

  /** Sets a timer of the simulation's own. */
  after(ms: number, run: () => void): OwnTimer {
    this.#own++;
    const own: OwnTimer = {
      isSet: true,
      timer: this.clock.setTimer(ms, () => {
        own.isSet = false;
        this.#own--;
        run();
      }),
    };
    return own;
  }

  cancel(own: OwnTimer | undefined): void {
    if (own?.isSet !== true) return;
    own.isSet = false;
    this.#own--;
    this.clock.clearTimer(own.timer);
  }

  /** Timers that layers have set. */
  get layerTimers(): number {
    return this.clock.pending - this.#own;
  }

  /** Lets time pass until `isOver`, or until nothing can happen any more, or an invariant is broken. */
  async run(isOver: () => boolean): Promise<void> {
    for (let step = 1; ; step++) {
      await this.settle(step);
      if (this.#violation !== undefined || isOver() || !this.clock.fireNext()) return;
    }
  }

  /** Lets all happen that can happen at this moment, and checks what must always hold. */
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

/** As `settled` does, without a turn of the event loop, which costs three times as much. */
function drained(): Promise<void> {
  // What is to be run at the next tick runs when no microtask is left, if a microtask says so.
  return new Promise((resolve) => queueMicrotask(() => process.nextTick(resolve)));
}
