import type { Clock, Json } from "@pagoda/core";
import type { CallCounts, Grant, LeaseGrants } from "@pagoda/rate-limit";
import type { RedisLimits, RedisLimitsOptions } from "@pagoda/redis";
import type { Logger } from "pino";
import type { KeptLimit } from "../policies/policy.ts";
import type { SharedLimit } from "./protocol.ts";

/** Interval between requests to an unreachable store, in timeouts. */
const probeTimeouts = 10;

/** Reasons logged in one outage; a text that changes each time must not fill the log. */
const mostReasons = 8;

/** A limit kept in a store. */
export type StoredLimit = SharedLimit & { readonly kept: KeptLimit };

export interface LimitStoreOptions {
  readonly name: string;
  readonly timeoutMs: number;
  /** Connects to Redis. */
  readonly connect: (options: Pick<RedisLimitsOptions, "observer" | "clock">) => RedisLimits;
  readonly log: Logger;
  readonly clock: Clock;
}

/** A change between the store and this machine. */
interface Cause {
  readonly by: "connection" | "command";
  readonly reason: string;
}

/**
 * A store of the configuration, for all workers of this machine. While it does not answer, limits
 * are decided here at once, and it is asked only occasionally, while nobody waits for it.
 */
export class LimitStore {
  readonly name: string;
  readonly #options: LimitStoreOptions;
  readonly #redis: RedisLimits;
  readonly #tried = Promise.withResolvers<void>();
  /** Why it is unreachable. */
  #lost: Cause | undefined;
  readonly #logged = new Set<string>();
  /** Counts the changes, so that no calls are given back to where they did not come from. */
  #source = 0;
  #probeAt = -Infinity;

  constructor(options: LimitStoreOptions) {
    this.name = options.name;
    this.#options = options;
    this.#redis = options.connect({
      clock: options.clock,
      observer: {
        connected: () => {
          // One that refused commands may still do so.
          if (this.#lost?.by === "connection") this.#reached();
          this.#tried.resolve();
        },
        disconnected: (_server, reason) => {
          this.#lose({ by: "connection", reason });
          this.#tried.resolve();
        },
      },
    });
  }

  /** Settles after the first attempt to connect. */
  get tried(): Promise<void> {
    return this.#tried.promise;
  }

  get isConnected(): boolean {
    return this.#redis.isConnected;
  }

  get isReachable(): boolean {
    return this.#lost === undefined;
  }

  /** Commands by result. */
  get commands(): { readonly success: number; readonly timeout: number; readonly error: number } {
    const { roundTrips, timeouts, errors } = this.#redis.counts;
    return { success: roundTrips, timeout: timeouts, error: errors };
  }

  state(): { readonly [name: string]: Json } {
    return {
      isReachable: this.isReachable,
      ...(this.#lost && { reason: this.#lost.reason }),
      ...this.#redis.state(),
    };
  }

  /** @param local Takes calls from this machine's share. */
  async take(limit: StoredLimit, calls: CallCounts, local: () => LeaseGrants): Promise<LeaseGrants> {
    const remote = this.#redis.limit(limit.name);
    if (this.#lost === undefined) {
      try {
        const grants = await remote.take(calls, limit.rates);
        this.#reached();
        return { ...grants, source: this.#source };
      } catch (error) {
        this.#lose({ by: "command", reason: (error as Error).message });
      }
    } else if (this.#options.clock.now() >= this.#probeAt) void this.#probe(limit, calls);
    return { ...this.#locally(limit, calls, local), source: this.#source };
  }

  /**
   * Gives calls back to where they came from.
   *
   * @param local Gives them back to this machine's share.
   */
  giveBack({ name, rates }: StoredLimit, calls: CallCounts, source: number, local: () => void): void {
    if (source !== this.#source) return;
    if (this.#lost === undefined) this.#redis.limit(name).giveBack(calls, rates);
    else local();
  }

  close(): void {
    this.#redis.close();
  }

  #locally({ kept }: StoredLimit, { global, keys }: CallCounts, local: () => LeaseGrants): LeaseGrants {
    if (typeof kept.unreachable === "object") return { ...local(), share: kept.unreachable.share };
    const isAllowed = kept.unreachable === "allow";
    const retryAfterMs = isAllowed ? 0 : probeTimeouts * this.#options.timeoutMs;
    const grant = (calls: number): Grant => ({ granted: isAllowed ? calls : 0, retryAfterMs });
    return {
      global: grant(global),
      keys: keys.map(([, calls]) => grant(calls)),
      ...(!isAllowed && { share: 0 }),
    };
  }

  /** Asks it as a call would, since it may answer other commands only. */
  async #probe({ name, rates }: StoredLimit, calls: CallCounts): Promise<void> {
    this.#probeAt = this.#options.clock.now() + probeTimeouts * this.#options.timeoutMs;
    const remote = this.#redis.limit(name);
    try {
      const { global, keys } = await remote.take(calls, rates);
      const granted = calls.keys.map(([key], at): [string, number] => [key, keys[at]?.granted ?? 0]);
      remote.giveBack({ global: global.granted, keys: granted }, rates);
      // In a cluster, other keys may be on a master that is away.
      if (this.#redis.isConnected) this.#reached();
    } catch (error) {
      const { name, message } = error as Error;
      // The reason is then why there is no connection, which is known.
      if (name !== "NotConnected") this.#lose({ by: "command", reason: message });
    }
  }

  #lose(cause: Cause): void {
    const { log, clock, timeoutMs } = this.#options;
    const wasReachable = this.#lost === undefined;
    this.#lost = cause;
    const { reason } = cause;
    if (wasReachable) {
      this.#source++;
      this.#probeAt = clock.now() + probeTimeouts * timeoutMs;
      log.warn({ store: this.name, reason }, "limit store unreachable; deciding limits locally");
    } else if (!this.#logged.has(reason) && this.#logged.size < mostReasons)
      log.warn({ store: this.name, reason }, "limit store still unreachable");
    if (this.#logged.size < mostReasons) this.#logged.add(reason);
  }

  #reached(): void {
    if (this.#lost === undefined) return;
    this.#lost = undefined;
    this.#logged.clear();
    this.#source++;
    this.#options.log.info({ store: this.name }, "limit store reached again");
  }
}
