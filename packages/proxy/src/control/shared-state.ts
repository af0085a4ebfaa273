import { randomBytes } from "node:crypto";
import { type Clock } from "@pagoda/core";
import { lease, type LeasingStore, sharedMemory, sharedStore, takeBack } from "@pagoda/rate-limit";
import type { Loaded } from "../config/load.ts";
import { sharedPlaces } from "../config/places.ts";
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
  readonly #clock: Clock;
  readonly #limits = new Map<string, Kept>();

  constructor(clock: Clock, ticketSecret: Uint8Array = randomBytes(32)) {
    this.ticketSecret = ticketSecret;
    this.#clock = clock;
  }

  /** Takes calls from a limit, or returns some; undefined if no answer is due. */
  lease({ id, limit, take, giveBack }: LeaseRequest): LeaseReply | undefined {
    const store = this.#storeOf(limit);
    if (giveBack !== undefined) takeBack(store, giveBack);
    return take && { kind: "leased", id, answer: lease(store, take, this.#clock.now()) };
  }

  /** Forgets the limits that a configuration does not have. */
  keep({ config, policies }: Pick<Loaded, "config" | "policies">): void {
    const names = sharedPlaces(config, policies);
    for (const name of this.#limits.keys()) if (!names.has(name)) this.#limits.delete(name);
  }

  /** Kept under its name; a store of other rates takes over the debt. */
  #storeOf({ name, rates, maxKeys }: SharedLimit): LeasingStore {
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
