import type { Random } from "@pagoda/core";
import { between, exponential, oneOf } from "./chance.ts";
import { calm, type Mood, type Origin } from "./origin.ts";
import type { Simulated } from "./setting.ts";
import type { OwnTimer, World } from "./world.ts";

/** What can befall an origin for a while. */
const moods: readonly ((random: Random) => Partial<Mood>)[] = [
  (random) => ({ failing: between(random, 0.2, 1) }),
  () => ({ failing: 1 }),
  (random) => ({ hanging: between(random, 0.1, 1) }),
  (random) => ({ slowness: between(random, 2, 30) }),
  (random) => ({ defective: between(random, 0.001, 0.05) }),
  (random) => ({ throwing: between(random, 0.001, 0.05) }),
  () => ({ down: true }),
];

/** Lets origins fail, hang, slow down and restart, endpoints come and go, and clocks jump, until it is stopped. */
export class Trouble {
  readonly #world: World;
  readonly #simulated: Simulated;
  readonly #timers = new Map<string, OwnTimer>();

  constructor(world: World, simulated: Simulated) {
    this.#world = world;
    this.#simulated = simulated;
    for (const origin of simulated.origins) this.#befall(origin, world.chance(`trouble of ${origin.key}`));
    this.#outage(world.chance("outages"));
    this.#jump(world.chance("jumps"));
    if (simulated.shuffle !== undefined) this.#shuffle(world.chance("endpoints"), simulated.shuffle);
  }

  /** From now on all is well. */
  end(): void {
    for (const timer of this.#timers.values()) this.#world.cancel(timer);
    for (const origin of this.#simulated.origins) origin.mood = calm;
    this.#simulated.calm?.();
  }

  #after(what: string, ms: number, run: () => void): void {
    this.#timers.set(what, this.#world.after(ms, run));
  }

  #befall(origin: Origin, random: Random): void {
    this.#after(origin.key, exponential(random, 2_500), () => {
      origin.mood = { ...calm, failing: 0.001, ...oneOf(random, moods)(random) };
      // A process that ends takes all with it that is under way.
      if (origin.mood.down || random() < 0.1) origin.restart();
      this.#after(origin.key, exponential(random, 1_500), () => {
        origin.mood = calm;
        this.#befall(origin, random);
      });
    });
  }

  /** All at once, as when a network or a store behind them is gone. */
  #outage(random: Random): void {
    this.#after("outage", exponential(random, 5_000), () => {
      const isRestart = random() < 0.5;
      for (const origin of this.#simulated.origins) {
        origin.mood = { ...calm, failing: 1, down: isRestart };
        if (isRestart) origin.restart();
      }
      this.#after("outage", between(random, 100, 2_000), () => {
        for (const origin of this.#simulated.origins) origin.mood = calm;
        this.#outage(random);
      });
    });
  }

  #jump(random: Random): void {
    this.#after("jump", exponential(random, 5_000), () => {
      if (random() < 0.5) this.#world.clock.jumpWallTime(between(random, -1e7, 1e7));
      else this.#world.clock.stall(exponential(random, 200));
      this.#jump(random);
    });
  }

  #shuffle(random: Random, shuffle: NonNullable<Simulated["shuffle"]>, isAnyLeft = true): void {
    this.#after("endpoints", exponential(random, isAnyLeft ? 3_000 : 300), () => {
      this.#shuffle(random, shuffle, shuffle(random));
    });
  }
}
