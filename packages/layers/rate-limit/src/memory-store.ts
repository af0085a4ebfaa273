import { checkInteger, checkNumber } from "@pagoda/core";
import type { LimitDebts } from "./limit-debts.ts";
import { MemoryLimits } from "./memory-limits.ts";
import type { Rates, SyncStore } from "./store.ts";

export interface MemoryStoreOptions {
  /** Maximum number of keys: an integer from 1 to 10,000,000. Default 100,000. */
  readonly maxKeys?: number;
  /** Milliseconds that an unthrottled key may be kept: at least 0. Default 300,000. */
  readonly maxIdleMs?: number;
  /** Keeps debt across stores of different rates. Default: a store starts without debt. */
  readonly debts?: LimitDebts;
}

const most = 10_000_000;

/**
 * Keeps limits in this process, separately for each service that the layer wraps.
 *
 * A key has debt until its theoretical arrival time has passed, at most `burst / perSecond` seconds
 * after its last call. It is not evicted before for being idle. A key without debt equals a new
 * one, so evicting it changes no decision. Such keys are evicted as new ones arrive, after
 * `maxIdleMs` or when there are too many.
 *
 * If all `maxKeys` have debt and a new one arrives, the one with the least debt is evicted, to
 * within 1/32 of a burst. So an attacker who sprays keys cannot free a throttled key: that one owes
 * a whole burst, sprayed keys one call each. Evicting a key that owes `n` calls, and so gains them,
 * implies that every other key owes at least `n`, less that 1/32. New clients are not refused
 * because of a spray, since refusing them or letting them share a remainder would let the attacker
 * lock everyone out. The global limit bounds all keys together.
 *
 * Cost per decision: about 15 ns for the global limit, 50 ns with one of 10,000 keys. With 100,000
 * keys in random order memory access dominates: 0.4 to 0.6 µs, of which a `Map` and an array alone
 * take 0.2. A new key while all have debt costs 0.8 µs. A key takes 65 bytes plus its string. There
 * are no timers or scans; ordering work is done per call.
 *
 * @returns A value for the option `store` of {@link rateLimit}.
 * @throws RangeError if an option is out of range.
 */
export function memoryStore({ maxKeys = 100_000, maxIdleMs = 300_000, debts }: MemoryStoreOptions = {}): (
  rates: Rates,
) => SyncStore {
  checkInteger("rate-limit: maxKeys", maxKeys, { min: 1, max: most });
  checkNumber("rate-limit: maxIdleMs", maxIdleMs, { min: 0 });
  return (rates) => debts?.next(rates, maxKeys, maxIdleMs) ?? new MemoryLimits(rates, maxKeys, maxIdleMs);
}
