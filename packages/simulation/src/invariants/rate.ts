import type { LayerWatch } from "../probe.ts";
import type { World } from "../world.ts";

export const withinRate = "a rate limit admits exactly its rate and burst";

export interface RateShape {
  readonly perSecond: number;
  readonly burst: number;
}

/** A leaky bucket. */
class Bucket {
  readonly #rate: RateShape;
  #level = 0;
  #at = 0;

  constructor(rate: RateShape) {
    this.#rate = rate;
  }

  /** Calls that fit, as a fraction. */
  room(now: number): number {
    this.#level = Math.max(0, this.#level - ((now - this.#at) * this.#rate.perSecond) / 1_000);
    this.#at = now;
    return this.#rate.burst - this.#level;
  }

  fill(now: number): void {
    this.room(now);
    this.#level++;
  }
}

/** Tolerance for rounding errors. */
const rounding = 1e-6;

/**
 * A global leaky bucket and one per key, filled by admitted calls. Neither may overflow, and no call may be refused
 * while both have room, which also catches limits that charge refused calls.
 */
export class RateModel implements LayerWatch {
  readonly #world: World;
  readonly #global: Bucket | undefined;
  readonly #keyed: RateShape | undefined;
  readonly #buckets = new Map<string, Bucket>();
  #passed = false;

  constructor(world: World, rates: { readonly global?: RateShape; readonly keyed?: RateShape }) {
    this.#world = world;
    this.#global = rates.global && new Bucket(rates.global);
    this.#keyed = rates.keyed;
  }

  /** Whether the global limit must admit a call. */
  admits(): boolean {
    return this.#global === undefined || this.#global.room(this.#world.now) >= 1 + rounding;
  }

  readonly outside: LayerWatch["outside"] = {
    entered: () => {
      this.#passed = false;
    },
    made: ({ request }) => {
      if (this.#passed) return;
      const room = this.#room(request.key);
      if (room < 1 + rounding) return;
      this.#world.violate(withinRate, `a call of ${request.key} is refused although ${room} fit`);
    },
  };

  readonly inside: LayerWatch["inside"] = {
    entered: ({ request: { key } }) => {
      this.#passed = true;
      const room = this.#room(key);
      if (room < 1 - rounding)
        this.#world.violate(withinRate, `a call of ${key} is admitted although only ${room} fit`);
      this.#global?.fill(this.#world.now);
      this.#bucketOf(key)?.fill(this.#world.now);
    },
  };

  #room(key: string): number {
    const { now } = this.#world;
    return Math.min(this.#global?.room(now) ?? Infinity, this.#bucketOf(key)?.room(now) ?? Infinity);
  }

  #bucketOf(key: string): Bucket | undefined {
    if (this.#keyed === undefined) return undefined;
    let bucket = this.#buckets.get(key);
    if (bucket === undefined) this.#buckets.set(key, (bucket = new Bucket(this.#keyed)));
    return bucket;
  }
}
