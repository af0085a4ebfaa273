import type { Both } from "../probe.ts";
import type { World } from "../world.ts";

export const withinRate = "a limiter admits rate times time, and a burst: no more, and no less";

export interface RateShape {
  readonly perSecond: number;
  readonly burst: number;
}

/** A bucket that leaks: full when as many calls have come as may. */
class Bucket {
  readonly #rate: RateShape;
  #level = 0;
  #at = 0;

  constructor(rate: RateShape) {
    this.#rate = rate;
  }

  /** Calls that there is room for, fractions included. */
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

/** What adding and multiplying may lose. */
const rounding = 1e-6;

/**
 * A leaking bucket over all and one for each key, filled by the calls that pass. It must never overflow; and a call is
 * not refused while both have room for it, or one that was refused would have spent something.
 */
export class RateModel implements Both {
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

  /** Whether the limit over all would admit a call, beyond doubt. */
  admits(): boolean {
    return this.#global === undefined || this.#global.room(this.#world.now) >= 1 + rounding;
  }

  readonly outside: Both["outside"] = {
    entered: () => {
      this.#passed = false;
    },
    made: ({ request }) => {
      if (this.#passed) return;
      const room = this.#room(request.key);
      if (room < 1 + rounding) return;
      this.#world.violate(withinRate, `a call of ${request.key} is refused with room for ${room}`);
    },
  };

  readonly inside: Both["inside"] = {
    entered: ({ request: { key } }) => {
      this.#passed = true;
      const room = this.#room(key);
      if (room < 1 - rounding)
        this.#world.violate(withinRate, `a call of ${key} is admitted with room for ${room}`);
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
