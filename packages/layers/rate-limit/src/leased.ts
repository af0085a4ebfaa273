import { checkNumber, type Clock, type Json, systemClock, type Timer } from "@pagoda/core";
import { LeasePool } from "./lease-pool.ts";
import type { CallCounts, LeaseGrants, RemoteStore } from "./remote-store.ts";
import { fewestLeft } from "./left.ts";
import { memoryStore } from "./memory-store.ts";
import type { FullRate } from "./rate.ts";
import { sharesOf } from "./shares.ts";
import type { Decision, Left, Rates, Refusal, Store, SyncStore } from "./store.ts";

/** What to admit while the store does not answer: everything, nothing, or a share of each rate. */
export type Unreachable = "allow" | "deny" | { readonly share: number };

export interface LeasedOptions {
  /** Duration of a lease in milliseconds, 0 to 60,000; 0 asks for every call. Default 20. */
  readonly leaseMs?: number;
  /** Time limit of an answer in milliseconds: over 0, up to 60,000. Default 50. */
  readonly timeoutMs?: number;
  /** Default `{ share: 0.25 }`. */
  readonly unreachable?: Unreachable;
  readonly clock?: Clock;
}

/** Interval between requests to an unreachable store, in timeouts. */
const probeTimeouts = 10;
/** Minimum milliseconds between sweeps, so that not every unused call costs a message. */
const leastSweepMs = 10;

/**
 * Shares limits between processes or machines. The store is remote, and this side leases calls from
 * it: as many as are waiting plus as many as came during the last lease, but at most a quarter of
 * the burst. It asks for more before they are used up, so most calls are decided locally. Calls not
 * used within a lease are given back. After a partial grant, calls are refused without asking for a
 * quarter of a lease.
 *
 * In any time span at most `burst` plus `perSecond` times the span, one lease and one answer pass
 * in all processes together. With a burst below 4 the store is asked for each call.
 *
 * A store that does not answer within `timeoutMs` is asked only occasionally. Meanwhile
 * `unreachable` applies. Once it answers again, limits continue where they were.
 *
 * @param remote Access to the remote store. See `lease` and `takeBack` for the store's side.
 * @returns A value for the option `store` of {@link rateLimit}.
 * @throws RangeError if an option is out of range.
 */
export function leased(remote: RemoteStore, options: LeasedOptions = {}): (rates: Rates) => Store {
  const { leaseMs = 20, timeoutMs = 50, unreachable = { share: 0.25 }, clock = systemClock } = options;
  checkNumber("rate-limit: leaseMs", leaseMs, { min: 0, max: 60_000 });
  checkNumber("rate-limit: timeoutMs", timeoutMs, { above: 0, max: 60_000 });
  if (typeof unreachable === "object")
    checkNumber("rate-limit: unreachable.share", unreachable.share, { above: 0, max: 1 });
  return (rates) => new LeasedStore(remote, rates, { leaseMs, timeoutMs, unreachable, clock });
}

/** A call waiting for an answer. */
interface Waiting {
  readonly keyed: LeasePool | undefined;
  readonly signal: AbortSignal | undefined;
  readonly settle: (decision: Decision) => void;
}

class LeasedStore implements Store {
  readonly #remote: RemoteStore;
  readonly #rates: Rates;
  readonly #options: Required<LeasedOptions>;
  readonly #global: LeasePool | undefined;
  readonly #keys = new Map<string, LeasePool>();
  #waiting = new Set<Waiting>();
  #isAsking = false;
  /** The store that has granted the calls held. */
  #source: number | undefined;
  /** Time of the next request to an unreachable store, `undefined` while it is reachable. */
  #probeAt: number | undefined;
  #fallback: SyncStore | undefined;
  /** The share of the limits that the remote side last granted from, while it cannot reach its store. */
  #share: number | undefined;
  #sweep: Timer | undefined;

  constructor(remote: RemoteStore, rates: Rates, options: Required<LeasedOptions>) {
    this.#remote = remote;
    this.#rates = rates;
    this.#options = options;
    this.#global = rates.global && new LeasePool(undefined, rates.global.burst, options.leaseMs);
  }

  take(key: string | undefined, nowMs: number, signal?: AbortSignal): Decision | Promise<Decision> {
    const global = this.#global;
    const keyed = key === undefined || this.#rates.keyed === undefined ? undefined : this.#poolOf(key);
    global?.countCall(nowMs);
    keyed?.countCall(nowMs);
    if (this.#probeAt !== undefined) {
      if (nowMs >= this.#probeAt) void this.#ask(nowMs);
      return this.#decideLocally(key, nowMs);
    }
    const decision = this.#decide(keyed, keyed?.refusesMs(nowMs) ?? 0, global?.refusesMs(nowMs) ?? 0);
    if (decision !== "unknown") {
      if (!this.#isAsking && (global?.isLow(nowMs) === true || keyed?.isLow(nowMs) === true))
        void this.#ask(nowMs, keyed);
      return decision;
    }
    const { promise, resolve } = Promise.withResolvers<Decision>();
    const abort = (): void => {
      this.#unqueue(waiting);
      waiting.settle(undefined);
    };
    const waiting: Waiting = {
      keyed,
      signal,
      settle(settled) {
        signal?.removeEventListener("abort", abort);
        resolve(settled);
      },
    };
    signal?.addEventListener("abort", abort);
    this.#waiting.add(waiting);
    if (global !== undefined) global.waiting++;
    if (keyed !== undefined) keyed.waiting++;
    if (!this.#isAsking) void this.#ask(nowMs);
    return promise;
  }

  left(key: string | undefined, nowMs: number): Left | undefined {
    const { unreachable } = this.#options;
    if (this.#probeAt !== undefined) {
      const left = this.#fallback?.left?.(key, nowMs);
      return left && typeof unreachable === "object" ? { ...left, share: unreachable.share } : undefined;
    }
    const keyed = key === undefined ? undefined : this.#keys.get(key);
    const left = fewestLeft(sharesOf(this.#rates, this.#share), this.#global?.known, keyed?.known);
    return left && { ...left, isEstimate: true, ...(this.#share !== undefined && { share: this.#share }) };
  }

  globalWaitMs(nowMs: number): number {
    return this.#probeAt === undefined ? (this.#global?.refusesMs(nowMs) ?? 0) : 0;
  }

  state(): { readonly [name: string]: Json } {
    return {
      isReachable: this.#probeAt === undefined,
      ...(this.#global && { globalLeased: this.#global.left }),
      ...(this.#rates.keyed && { keys: this.#keys.size }),
    };
  }

  #poolOf(key: string): LeasePool {
    let pool = this.#keys.get(key);
    if (pool === undefined) {
      pool = new LeasePool(key, (this.#rates.keyed as FullRate).burst, this.#options.leaseMs);
      this.#keys.set(key, pool);
      this.#arm();
    }
    return pool;
  }

  /** Decides locally if possible. Takes the call from both limits or from neither. */
  #decide(keyed: LeasePool | undefined, keyedMs: number, globalMs: number): Decision | "unknown" {
    const global = this.#global;
    if (keyedMs > 0 || globalMs > 0) return refusal(keyedMs, globalMs, this.#share);
    if (keyed?.left === 0 || global?.left === 0) return "unknown";
    if (keyed !== undefined) keyed.left--;
    if (global !== undefined) global.left--;
    return undefined;
  }

  /** @param low A pool that needs more although no call is waiting. */
  async #ask(now: number, low?: LeasePool): Promise<void> {
    const { clock, timeoutMs } = this.#options;
    this.#isAsking = true;
    if (this.#probeAt !== undefined) this.#probeAt = now + probeTimeouts * timeoutMs;
    const pools = new Set<LeasePool>(low === undefined ? [] : [low]);
    for (const { keyed } of this.#waiting) if (keyed !== undefined) pools.add(keyed);
    const keys: [string, number][] = [];
    for (const pool of pools) if (pool.wanted() > 0) keys.push([pool.key as string, pool.wanted()]);
    const ask: CallCounts = { global: this.#global?.wanted() ?? 0, keys };

    const late = Promise.withResolvers<"late">();
    const timer = clock.setTimer(timeoutMs, () => late.resolve("late"));
    const answered = this.#remote.take(ask, this.#rates).then(
      (answer) => {
        // Late answers count, too: their calls are already taken.
        this.#receive(ask, answer, now);
        return "answered" as const;
      },
      () => "failed" as const,
    );
    const outcome = await Promise.race([answered, late.promise]);
    clock.clearTimer(timer);
    this.#isAsking = false;
    if (outcome !== "answered") this.#unreachable();
    else if (this.#waiting.size > 0) void this.#ask(clock.now());
  }

  #receive(ask: CallCounts, { global, keys, source, share }: LeaseGrants, askedAt: number): void {
    const now = this.#options.clock.now();
    this.#share = share;
    if (source !== this.#source) {
      this.#source = source;
      for (const pool of [this.#global, ...this.#keys.values()]) pool?.drop();
    }
    this.#probeAt = undefined;
    const pools: LeasePool[] = [];
    if (ask.global > 0) this.#global?.receive(global, ask.global, askedAt, now);
    for (const [at, [key, asked]] of ask.keys.entries()) {
      const grant = keys[at];
      if (grant === undefined) continue;
      const pool = this.#poolOf(key);
      pool.receive(grant, asked, askedAt, now);
      pools.push(pool);
    }
    // In order. A call that is neither admitted nor refused came in the meantime and waits for the
    // next answer.
    for (const waiting of this.#waiting) {
      const { keyed } = waiting;
      const decision = this.#decide(keyed, keyed?.refusedMs(now) ?? 0, this.#global?.refusedMs(now) ?? 0);
      if (decision === "unknown") continue;
      this.#unqueue(waiting);
      waiting.settle(decision);
    }
    this.#giveBackSpare(pools, now);
    this.#arm();
  }

  /** Decides waiting calls locally. */
  #unreachable(): void {
    const now = this.#options.clock.now();
    this.#probeAt ??= now + probeTimeouts * this.#options.timeoutMs;
    for (const waiting of this.#waiting) {
      this.#unqueue(waiting);
      waiting.settle(this.#decideLocally(waiting.keyed?.key, now));
    }
  }

  #decideLocally(key: string | undefined, now: number): Decision {
    const { unreachable, timeoutMs } = this.#options;
    if (unreachable === "allow") return undefined;
    if (unreachable === "deny") {
      const limit = this.#rates.global === undefined ? "keyed" : "global";
      if (limit === "keyed" && key === undefined) return undefined;
      return { limit, retryAfterMs: probeTimeouts * timeoutMs, share: 0 };
    }
    this.#fallback ??= memoryStore()(sharesOf(this.#rates, unreachable.share));
    const refusal = this.#fallback.take(key, now);
    return refusal && { ...refusal, share: unreachable.share };
  }

  #unqueue(waiting: Waiting): void {
    if (!this.#waiting.delete(waiting)) return;
    if (this.#global !== undefined) this.#global.waiting--;
    if (waiting.keyed !== undefined) waiting.keyed.waiting--;
  }

  #giveBackSpare(pools: Iterable<LeasePool>, now: number): void {
    const global = this.#global?.takeSpare(now) ?? 0;
    const keys: [string, number][] = [];
    for (const pool of pools) {
      const spare = pool.takeSpare(now);
      if (spare > 0) keys.push([pool.key as string, spare]);
    }
    if (global > 0 || keys.length > 0) this.#remote.giveBack({ global, keys }, this.#rates);
  }

  /** Schedules the next sweep, once per lease, while calls are held or keys are known. */
  #arm(): void {
    if (this.#sweep !== undefined || (this.#keys.size === 0 && (this.#global?.left ?? 0) === 0)) return;
    const { clock, leaseMs } = this.#options;
    this.#sweep = clock.setTimer(Math.max(leaseMs, leastSweepMs), () => {
      this.#sweep = undefined;
      const now = clock.now();
      this.#giveBackSpare(this.#keys.values(), now);
      for (const [key, pool] of this.#keys) if (pool.isIdle(now)) this.#keys.delete(key);
      this.#arm();
    });
  }
}

function refusal(keyed: number, global: number, share: number | undefined): Refusal {
  const [limit, retryAfterMs] = keyed > global ? (["keyed", keyed] as const) : (["global", global] as const);
  return share === undefined ? { limit, retryAfterMs } : { limit, retryAfterMs, share };
}
