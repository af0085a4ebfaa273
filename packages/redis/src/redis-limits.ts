import type { Json } from "@pagoda/core";
import type { CallCounts, FullRate, Grant, LeaseGrants, Rates, RemoteStore } from "@pagoda/rate-limit";
import { Cluster } from "./cluster.ts";
import { type CommandCounts, Connection, type Late } from "./connection.ts";
import { KeyNames } from "./key-names.ts";
import { type Checked, checked, type RedisLimitsOptions } from "./options.ts";
import { masterOf } from "./sentinel.ts";
import type { Server } from "./server.ts";
import { digest, grantOf, isUnknownScript, script, scriptArguments } from "./script.ts";

/** Where commands are sent. */
interface Servers {
  readonly isConnected: boolean;
  /** Sends a command about one key. */
  send(key: string, args: readonly string[], late: Late): Promise<unknown>;
  close(): void;
}

/** Limits kept in Redis. Created by {@link redisLimits}. */
export class RedisLimits {
  readonly #servers: Servers;
  readonly #names: KeyNames;
  readonly #counts: CommandCounts = { roundTrips: 0, timeouts: 0, errors: 0 };

  /** @internal */
  constructor(options: RedisLimitsOptions) {
    const all = checked(options);
    this.#names = new KeyNames(all.prefix, all.secret);
    this.#servers = serversOf(all, this.#counts);
  }

  get isConnected(): boolean {
    return this.#servers.isConnected;
  }

  /**
   * Access to one limit: all with this name, whatever the process, are one.
   *
   * @returns A store for `leased` of `@pagoda/rate-limit`.
   */
  limit(name: string): RemoteStore {
    return {
      take: (calls, rates) => this.#take(name, calls, rates),
      giveBack: (calls, rates) => this.#giveBack(name, calls, rates),
    };
  }

  /** Numbers of commands. */
  get counts(): Readonly<CommandCounts> {
    return this.#counts;
  }

  /** For descriptions. */
  state(): { readonly [name: string]: Json } {
    return { isConnected: this.isConnected, ...this.counts };
  }

  /** Closes the connection. Commands in flight are rejected. */
  close(): void {
    this.#servers.close();
  }

  async #take(name: string, { global, keys }: CallCounts, rates: Rates): Promise<LeaseGrants> {
    const asks = [
      this.#change(this.#names.global(name), rates.global, global),
      ...keys.map(([key, calls]) => this.#change(this.#names.keyed(name, key), rates.keyed, calls)),
    ];
    const outcomes = await Promise.allSettled(asks);
    const failed = outcomes.find((outcome) => outcome.status === "rejected");
    const granted = outcomes.map((outcome) =>
      outcome.status === "fulfilled" ? outcome.value : { granted: 0, retryAfterMs: 0 },
    );
    const [ofGlobal = none, ...ofKeys] = granted;
    if (failed === undefined) return { global: ofGlobal, keys: ofKeys };
    // All or nothing, or the caller would not know what it has.
    const taken = keys.map(([key], at): [string, number] => [key, ofKeys[at]?.granted ?? 0]);
    this.#giveBack(name, { global: ofGlobal.granted, keys: taken }, rates);
    throw failed.reason;
  }

  #giveBack(name: string, { global, keys }: CallCounts, rates: Rates): void {
    const back = (key: string, rate: FullRate | undefined, calls: number): void =>
      // Calls that cannot be given back are lost.
      void this.#change(key, rate, -calls).catch(() => {});
    back(this.#names.global(name), rates.global, global);
    for (const [key, calls] of keys) back(this.#names.keyed(name, key), rates.keyed, calls);
  }

  /** Takes calls from a limit, or gives some back. */
  async #change(key: string, rate: FullRate | undefined, calls: number): Promise<Grant> {
    if (rate === undefined || calls === 0) return { granted: calls, retryAfterMs: 0 };
    const rest = ["1", key, ...scriptArguments(rate, calls)];
    // Nobody waits any more for calls that are granted late.
    const late = (reply: unknown): void => {
      const giveBack = async ({ granted }: Grant): Promise<unknown> =>
        granted > 0 && this.#change(key, rate, -granted);
      Promise.resolve(reply)
        .then(grantOf)
        .then(giveBack)
        .catch(() => {});
    };
    try {
      return grantOf(await this.#servers.send(key, ["EVALSHA", digest, ...rest], late));
    } catch (error) {
      if (!isUnknownScript(error as Error)) throw error;
      return grantOf(await this.#servers.send(key, ["EVAL", script, ...rest], late));
    }
  }
}

function serversOf(options: Checked, counts: CommandCounts): Servers {
  const { mode, servers, master, username, password, tls, timeoutMs, observer, clock, random } = options;
  const common = {
    tls,
    timeoutMs,
    clock,
    random,
    counts,
    connected: (at: string) => observer.connected?.(at),
    disconnected: (at: string, reason: string) => observer.disconnected?.(at, reason),
  };
  const loggedIn = (server: Server): Server => ({ ...server, username, password });
  if (mode === "cluster") return new Cluster({ ...common, nodes: servers.map(loggedIn) });
  const isSentinel = mode === "sentinel";
  const locate = async (): Promise<Server> =>
    loggedIn(isSentinel ? await masterOf({ sentinels: servers, master, tls, clock }) : servers[0]);
  const connection = new Connection({ ...common, locate, checksRole: isSentinel });
  return {
    get isConnected() {
      return connection.isConnected;
    },
    send: (_key, args, late) => connection.send(args, late),
    close: () => connection.close(),
  };
}

const none: Grant = { granted: 0, retryAfterMs: 0 };

/**
 * Keeps rate limits in Redis, so that they apply to all machines together. It connects at once, and
 * again whenever the connection is lost.
 *
 * Each limit is one key with one timestamp (GCRA), changed by a script and with Redis's clock. A
 * command without a reply within `timeoutMs` is given up. If the reply comes later, the calls that it
 * grants are given back.
 *
 * @throws RangeError if an option is invalid.
 */
export function redisLimits(options: RedisLimitsOptions): RedisLimits {
  return new RedisLimits(options);
}
