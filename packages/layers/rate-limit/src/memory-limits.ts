import type { Json } from "@pagoda/core";
import { Gcra, unused } from "./gcra.ts";
import { fewestLeft } from "./left.ts";
import type { Decision, Left, Rates, SyncStore } from "./store.ts";
import { ThrottledKeys } from "./throttled-keys.ts";

/** The limits of one service, kept in this process. */
export class MemoryLimits implements SyncStore {
  readonly #rates: Rates;
  protected readonly global: Gcra | undefined;
  protected readonly keyed: Gcra | undefined;
  protected readonly keys: ThrottledKeys | undefined;
  protected globalTat = unused;

  constructor(rates: Rates, maxKeys: number, maxIdleMs: number) {
    const { global, keyed } = rates;
    this.#rates = rates;
    this.global = global && new Gcra(global);
    this.keyed = keyed && new Gcra(keyed);
    this.keys = this.keyed && new ThrottledKeys(maxKeys, this.keyed.burst, this.keyed.at(maxIdleMs));
  }

  take(key: string | undefined, nowMs: number): Decision {
    const { global, keyed, keys } = this;
    const globalMs = global === undefined ? 0 : global.waitMs(this.globalTat, nowMs);
    if (key === undefined || keyed === undefined || keys === undefined) {
      if (globalMs > 0) return { limit: "global", retryAfterMs: globalMs };
    } else {
      const place = keys.find(key);
      const tat = place === undefined ? unused : keys.tat(place);
      const keyedMs = keyed.waitMs(tat, nowMs);
      if (keyedMs > globalMs) return { limit: "keyed", retryAfterMs: keyedMs };
      if (globalMs > 0) return { limit: "global", retryAfterMs: globalMs };
      const next = keyed.next(tat, nowMs);
      if (place === undefined) keys.add(key, next, keyed.at(nowMs));
      else keys.update(place, next);
    }
    if (global !== undefined) this.globalTat = global.next(this.globalTat, nowMs);
    return undefined;
  }

  left(key: string | undefined, nowMs: number): Left | undefined {
    const { global, keyed, keys } = this;
    const place = key === undefined ? undefined : keys?.find(key);
    return fewestLeft(
      this.#rates,
      global?.left(this.globalTat, nowMs),
      place === undefined ? undefined : keyed?.left((keys as ThrottledKeys).tat(place), nowMs),
    );
  }

  globalWaitMs(nowMs: number): number {
    return this.global === undefined ? 0 : this.global.waitMs(this.globalTat, nowMs);
  }

  state(nowMs: number): { readonly [name: string]: Json } {
    return {
      ...(this.global && { globalLeft: this.global.left(this.globalTat, nowMs) }),
      ...(this.keys && { keys: this.keys.size }),
    };
  }
}
