import type { Json } from "@pagoda/core";
import { unused } from "./gcra.ts";
import { MemoryLimits } from "./memory-limits.ts";
import type { Decision, Rates, SyncStore } from "./store.ts";

/** Debt that passes from store to store. Created by {@link limitDebts}. */
export class LimitDebts {
  #latest: IndebtedLimits | undefined;

  /** @internal Returns a store that takes over the debt of the one made before. */
  next(rates: Rates, maxKeys: number, maxIdleMs: number): SyncStore {
    return (this.#latest = new IndebtedLimits(rates, maxKeys, maxIdleMs, this.#latest));
  }
}

/**
 * Creates what hands debt on from one store to the next, for example when a rate changes: what was
 * used up under the old rate is still used up, and comes back at the new one. Debt is kept as time,
 * up to one burst of the new rate. The former store must not be used any more.
 */
export function limitDebts(): LimitDebts {
  return new LimitDebts();
}

/** Limits that begin with the debt of former ones: of a key when that comes, until all is paid. */
class IndebtedLimits extends MemoryLimits {
  #former: IndebtedLimits | undefined;
  /** When this store was first used; undefined before. */
  #sinceMs: number | undefined;
  /** When all debt of the former store is paid. */
  #allPaidMs = Infinity;

  constructor(rates: Rates, maxKeys: number, maxIdleMs: number, former: IndebtedLimits | undefined) {
    super(rates, maxKeys, maxIdleMs);
    // One that was never used has no debt of its own: a row of such stores must not grow.
    this.#former = former?.isUnused ? former.#former : former;
  }

  /** It has taken nothing over yet. */
  get isUnused(): boolean {
    return this.#former !== undefined && this.#sinceMs === undefined;
  }

  override take(key: string | undefined, nowMs: number): Decision {
    if (this.#former !== undefined) this.#takeOver(this.#former, key, nowMs);
    return super.take(key, nowMs);
  }

  override globalWaitMs(nowMs: number): number {
    if (this.#former !== undefined) this.#takeOver(this.#former, undefined, nowMs);
    return super.globalWaitMs(nowMs);
  }

  override state(nowMs: number): { readonly [name: string]: Json } {
    if (this.#former !== undefined) this.#takeOver(this.#former, undefined, nowMs);
    return super.state(nowMs);
  }

  #takeOver(former: IndebtedLimits, key: string | undefined, nowMs: number): void {
    if (this.#sinceMs === undefined) {
      this.#sinceMs = nowMs;
      this.#allPaidMs = former.#paidBy(nowMs);
      if (this.global !== undefined) this.globalTat = this.global.carried(former.#globalUnusedMs(), nowMs);
    }
    if (nowMs >= this.#allPaidMs) {
      this.#former = undefined;
    } else if (key !== undefined && this.keyed !== undefined && this.keys?.find(key) === undefined) {
      const tat = this.keyed.carried(former.#unusedMs(key), this.#sinceMs);
      if (tat > this.keyed.at(nowMs)) this.keys?.add(key, tat, this.keyed.at(nowMs));
    }
  }

  /** When no key can have debt any more. */
  #paidBy(nowMs: number): number {
    const own = nowMs + (this.keyed === undefined ? 0 : this.keyed.msOf(this.keyed.burst));
    return this.#former === undefined ? own : Math.max(own, this.#former.#paidBy(nowMs));
  }

  /** When a key is without debt. */
  #unusedMs(key: string): number {
    const { keyed, keys } = this;
    const place = keys?.find(key);
    if (keyed !== undefined && keys !== undefined && place !== undefined) return keyed.msOf(keys.tat(place));
    const owedMs = this.#former === undefined ? unused : this.#former.#unusedMs(key);
    if (keyed === undefined || this.#sinceMs === undefined) return owedMs;
    return Math.min(owedMs, this.#sinceMs + keyed.msOf(keyed.burst));
  }

  /** When the global limit is without debt. */
  #globalUnusedMs(): number {
    if (this.#former !== undefined && this.#sinceMs === undefined) return this.#former.#globalUnusedMs();
    return this.global === undefined ? unused : this.global.msOf(this.globalTat);
  }
}
