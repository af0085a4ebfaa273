import { decorrelated, exponential } from "@pagoda/retry";
import { between, oneOf, whole } from "../random.ts";
import { type Allowed, budgetWatch } from "../invariants/budget.ts";
import { classifier } from "../request.ts";
import type { Environment } from "../environment.ts";

/** A retry and a hedge that share a budget, with their observers. */
export class RetryAndHedge {
  readonly watch: ReturnType<typeof budgetWatch>;
  readonly #environment: Environment;
  readonly #allowed: Allowed;
  readonly #budget: ReturnType<Environment["parts"]["budget"]>;

  constructor(environment: Environment) {
    const { chance, parts, world } = environment;
    this.#environment = environment;
    this.#allowed = {
      ratio: oneOf(chance, [0.05, 0.2, 0.3]),
      minPerSecond: whole(chance, 0, 20),
      windowMs: oneOf(chance, [1_000, 10_000]),
      attempts: whole(chance, 2, 5),
      maxExtraLoad: oneOf(chance, [0.01, 0.05, 0.1]),
      hedgeWindowMs: oneOf(chance, [500, 2_000]),
    };
    this.watch = budgetWatch(world, this.#allowed);
    const { ratio, minPerSecond, windowMs } = this.#allowed;
    this.#budget = parts.budget({ ratio, minPerSecond, windowMs, clock: world.clock });
  }

  retry(): ReturnType<Environment["parts"]["retry"]> {
    const { chance, parts, world } = this.#environment;
    const { count } = world;
    const baseMs = between(chance, 5, 50);
    return parts.retry({
      attempts: this.#allowed.attempts,
      backoff: oneOf(chance, [exponential({ baseMs }), decorrelated({ baseMs })]),
      budget: this.#budget,
      classifier,
      observer: {
        retried: () => count("retried"),
        recovered: () => count("recovered"),
        gaveUp: (reason) => count(`gave up: ${reason}`),
      },
      clock: world.clock,
      random: world.chance("backoff"),
    });
  }

  hedge(): ReturnType<Environment["parts"]["hedge"]> {
    const { parts, world } = this.#environment;
    const { count } = world;
    return parts.hedge({
      maxExtraLoad: this.#allowed.maxExtraLoad,
      windowMs: this.#allowed.hedgeWindowMs,
      minSamples: 50,
      budget: this.#budget,
      classifier,
      observer: { hedged: () => count("hedged"), won: (which) => count(`${which} won`) },
      clock: world.clock,
    });
  }
}
