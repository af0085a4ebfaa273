import { exponentialTime } from "@pagoda/core/testing";
import type { Random } from "@pagoda/core";
import { between, oneOf } from "./random.ts";
import { healthy, type Condition, type Origin } from "./origin.ts";
import type { Simulated } from "./environment.ts";
import type { SimulationTimer, World } from "./world.ts";

/** Conditions that an origin can get into for a while. */
const conditions: readonly ((random: Random) => Partial<Condition>)[] = [
  (random) => ({ failing: between(random, 0.2, 1) }),
  () => ({ failing: 1 }),
  (random) => ({ hanging: between(random, 0.1, 1) }),
  (random) => ({ slowness: between(random, 2, 30) }),
  (random) => ({ defective: between(random, 0.001, 0.05) }),
  (random) => ({ throwing: between(random, 0.001, 0.05) }),
  () => ({ down: true }),
];

/** Makes origins fail, hang, slow down and restart, endpoints come and go, and clocks jump. */
export class Chaos {
  readonly #world: World;
  readonly #simulated: Simulated;
  readonly #timers = new Map<string, SimulationTimer>();

  constructor(world: World, simulated: Simulated) {
    this.#world = world;
    this.#simulated = simulated;
    for (const origin of simulated.origins) this.#disturb(origin, world.chance(`trouble of ${origin.key}`));
    this.#outage(world.chance("outages"));
    this.#jump(world.chance("jumps"));
    if (simulated.shuffle !== undefined) this.#shuffle(world.chance("endpoints"), simulated.shuffle);
  }

  /** Stops and restores everything. */
  end(): void {
    for (const timer of this.#timers.values()) this.#world.cancel(timer);
    for (const origin of this.#simulated.origins) origin.condition = healthy;
    this.#simulated.stopChurn?.();
  }

  #after(what: string, ms: number, run: () => void): void {
    this.#timers.set(what, this.#world.after(ms, run));
  }

  #disturb(origin: Origin, random: Random): void {
    this.#after(origin.key, exponentialTime(random, 2_500), () => {
      origin.condition = { ...healthy, failing: 0.001, ...oneOf(random, conditions)(random) };
      // A process that ends fails its calls in flight.
      if (origin.condition.down || random() < 0.1) origin.restart();
      this.#after(origin.key, exponentialTime(random, 1_500), () => {
        origin.condition = healthy;
        this.#disturb(origin, random);
      });
    });
  }

  /** All origins at once, as when a network or a shared database fails. */
  #outage(random: Random): void {
    this.#after("outage", exponentialTime(random, 5_000), () => {
      const isRestart = random() < 0.5;
      for (const origin of this.#simulated.origins) {
        origin.condition = { ...healthy, failing: 1, down: isRestart };
        if (isRestart) origin.restart();
      }
      this.#after("outage", between(random, 100, 2_000), () => {
        for (const origin of this.#simulated.origins) origin.condition = healthy;
        this.#outage(random);
      });
    });
  }

  #jump(random: Random): void {
    this.#after("jump", exponentialTime(random, 5_000), () => {
      if (random() < 0.5) this.#world.clock.jumpWallTime(between(random, -1e7, 1e7));
      else this.#world.clock.stall(exponentialTime(random, 200));
      this.#jump(random);
    });
  }

  #shuffle(random: Random, shuffle: NonNullable<Simulated["shuffle"]>, isAnyLeft = true): void {
    this.#after("endpoints", exponentialTime(random, isAnyLeft ? 3_000 : 300), () => {
      this.#shuffle(random, shuffle, shuffle(random));
    });
  }
}
