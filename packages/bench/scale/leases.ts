// Proxies that lease from one store, in virtual time.
import { seededRandom, virtualClock } from "@pagoda/core/testing";
import { type FullRate, type Grant, leased, type RemoteStore } from "@pagoda/rate-limit";

/** Milliseconds of virtual time between two moments at which calls come. */
const stepMs = 0.25;
/** Milliseconds until the store has answered. */
const answerMs = 1;

export interface Leasing {
  readonly proxies: number;
  /** Calls a second of each proxy, which come at random. */
  readonly perSecond: number;
  readonly leaseMs: number;
  readonly forMs: number;
}

/** What all proxies did together. */
export interface Leased {
  /** Script calls: calls taken, and calls given back. */
  readonly commandsPerSecond: number;
  /** Share of the calls that were decided in the same tick. */
  readonly atOnce: number;
  readonly refused: number;
}

/**
 * Simulates proxies below a common limit, which is a quarter more than all of their calls, with a
 * burst of one second.
 */
export async function leasing({ proxies, perSecond, leaseMs, forMs }: Leasing): Promise<Leased> {
  const clock = virtualClock();
  const random = seededRandom(1);
  const total = 1.25 * proxies * perSecond;
  const global = { perSecond: total, burst: Math.ceil(total) };
  const rates = { global, keyed: undefined };
  const limit = new Limit(global);
  let [commands, calls, waited, refused] = [0, 0, 0, 0];
  const remote: RemoteStore = {
    async take(counts) {
      commands++;
      const grant = limit.change(counts.global, clock.now());
      await new Promise<void>((resolve) => void clock.setTimer(answerMs, resolve));
      return { global: grant, keys: [] };
    },
    giveBack(counts) {
      commands++;
      limit.change(-counts.global, clock.now());
    },
  };
  const stores = Array.from({ length: proxies }, () =>
    leased(remote, { clock, leaseMs, unreachable: "deny" })(rates),
  );
  // Each lease gets to know the rate first.
  const warmUpMs = 3 * (leaseMs + answerMs) + 1_000 / perSecond;
  let due = 0;
  for (let ms = 0; ms < warmUpMs + forMs; ms += stepMs) {
    const isMeasured = ms >= warmUpMs;
    if (!isMeasured) [commands, calls, waited, refused] = [0, 0, 0, 0];
    // Independent callers: the calls of a moment go to any proxies.
    for (due += (proxies * perSecond * stepMs) / 1_000; due >= 1; due--) {
      calls++;
      const at = Math.floor(random() * proxies);
      const decision = stores[at]?.take(undefined, clock.now());
      if (decision instanceof Promise) waited++;
      else if (decision !== undefined) refused++;
    }
    await clock.advance(stepMs);
  }
  return { commandsPerSecond: commands / (forMs / 1_000), atOnce: 1 - waited / calls, refused };
}

/** What the script does in Redis: the generic cell rate algorithm. */
class Limit {
  readonly #intervalMs: number;
  readonly #burst: number;
  #tat = 0;

  constructor({ perSecond, burst }: FullRate) {
    this.#intervalMs = 1_000 / perSecond;
    this.#burst = burst;
  }

  /** Takes calls, or gives some back. */
  change(calls: number, now: number): Grant {
    const tat = Math.max(now, this.#tat);
    const left = Math.floor(this.#burst - (tat - now) / this.#intervalMs);
    const granted = Math.min(calls, Math.max(0, left));
    this.#tat = tat + granted * this.#intervalMs;
    return { granted, retryAfterMs: granted < calls ? this.#intervalMs : 0 };
  }
}
