import { randomBytes } from "node:crypto";
import { type Clock } from "@pagoda/core";
import {
  type CallCounts,
  lease,
  type LeaseGrants,
  type LeasingStore,
  type Rates,
  sharedMemory,
  sharesOf,
  sharedStore,
  takeBack,
} from "@pagoda/rate-limit";
import type { Loaded } from "../config/load.ts";
import { sharedPlaces } from "../config/places.ts";
import type { KeptLimit } from "../policies/policy.ts";
import { LimitStores, type LimitStoresOptions } from "./limit-stores.ts";
import type { LeaseReply, LeaseRequest, SharedLimit } from "./protocol.ts";

interface Kept {
  readonly maxKeys: number;
  readonly memory: SharedArrayBuffer;
  rates: string;
  store: LeasingStore;
}

/** State shared by all workers. It outlives configurations and workers. */
export class SharedState {
  /** Seals the TLS sessions of clients. */
  readonly ticketSecret: Uint8Array;
  /** What keeps limits for several machines. */
  readonly stores: LimitStores;
  readonly #clock: Clock;
  readonly #limits = new Map<string, Kept>();

  constructor({ log, clock }: LimitStoresOptions, ticketSecret: Uint8Array = randomBytes(32)) {
    this.ticketSecret = ticketSecret;
    this.stores = new LimitStores({ log, clock });
    this.#clock = clock;
  }

  /** Takes calls from a limit, or returns some; undefined if no answer is due. */
  async lease({ id, limit, take, giveBack, source }: LeaseRequest): Promise<LeaseReply | undefined> {
    const { kept } = limit;
    const remote = kept && this.stores.of(kept.store);
    const local = this.#storeOf(limit);
    const takeLocally = (calls: CallCounts): LeaseGrants => lease(local, calls, this.#clock.now());
    if (remote === undefined) {
      if (giveBack !== undefined) takeBack(local, giveBack);
      return take && { kind: "leased", id, answer: takeLocally(take) };
    }
    const stored = { ...limit, kept: kept as KeptLimit };
    if (giveBack !== undefined && source !== undefined)
      remote.giveBack(stored, giveBack, source, () => takeBack(local, giveBack));
    if (take === undefined) return undefined;
    return { kind: "leased", id, answer: await remote.take(stored, take, () => takeLocally(take)) };
  }

  /** Forgets the limits that a configuration does not have. */
  keep({ config, policies }: Pick<Loaded, "config" | "policies">): void {
    const names = sharedPlaces(config, policies);
    for (const name of this.#limits.keys()) if (!names.has(name)) this.#limits.delete(name);
  }

  /** Kept under its name; a store of other rates takes over the debt. */
  #storeOf(limit: SharedLimit): LeasingStore {
    const { name, maxKeys } = limit;
    const rates = localRates(limit);
    const text = JSON.stringify(rates);
    let kept = this.#limits.get(name);
    if (kept?.maxKeys !== maxKeys) {
      const memory = sharedMemory({ maxKeys });
      kept = { maxKeys, memory, rates: text, store: sharedStore(memory)(rates) };
      this.#limits.set(name, kept);
    } else if (kept.rates !== text) {
      kept.rates = text;
      kept.store = sharedStore(kept.memory)(rates);
    }
    return kept.store;
  }
}

/** The rates of this machine: its share, if the limit is kept elsewhere. */
function localRates({ rates, kept }: SharedLimit): Rates {
  if (typeof kept?.unreachable !== "object") return rates;
  return sharesOf(rates, kept.unreachable.share);
}
