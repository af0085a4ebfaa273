import type { Clock } from "@pagoda/core";
import type { RedisLimits, RedisLimitsOptions } from "@pagoda/redis";
import type { Logger } from "pino";
import type { Loaded } from "../config/load.ts";
import { secretIn } from "../config/resolved.ts";
import type { StoreConfig } from "../config/schema/config.ts";
import { defined } from "../schema/defined.ts";
import { LimitStore } from "./limit-store.ts";
import { within } from "../within.ts";

/** Milliseconds that a first attempt to connect may delay a configuration. */
const firstAttemptMs = 1_000;

/** The stores of a configuration, by name. */
export type StoreSet = ReadonlyMap<string, OpenStore>;

interface OpenStore {
  readonly store: LimitStore;
  /** With others, it is another store. */
  readonly settings: string;
}

export interface LimitStoresOptions {
  readonly log: Logger;
  readonly clock: Clock;
}

/** The connections to the stores of limits. One that does not change is kept over reloads. */
export class LimitStores {
  readonly #options: LimitStoresOptions;
  #current: StoreSet = new Map();

  constructor(options: LimitStoresOptions) {
    this.#options = options;
  }

  /** Returns the store of that name. */
  of(name: string): LimitStore | undefined {
    return this.#current.get(name)?.store;
  }

  get all(): readonly LimitStore[] {
    return Array.from(this.#current.values(), ({ store }) => store);
  }

  /**
   * Uses the stores of a configuration, in addition to those in use. Call either function when it is
   * known whether the configuration applies.
   */
  async use({ config, files }: Pick<Loaded, "config" | "files">): Promise<{
    readonly keep: () => void;
    readonly revert: () => void;
  }> {
    const before = this.#current;
    const next = new Map<string, OpenStore>();
    for (const [name, settings] of Object.entries(config.stores)) {
      const text = JSON.stringify([settings, Object.entries(filesOf(settings, files))]);
      const open = before.get(name);
      next.set(
        name,
        open?.settings === text
          ? open
          : { settings: text, store: await this.#open(name, settings, filesOf(settings, files)) },
      );
    }
    this.#current = next;
    return {
      keep: () => closeOthers(before, next),
      revert: () => {
        this.#current = before;
        closeOthers(next, before);
      },
    };
  }

  close(): void {
    closeOthers(this.#current, new Map());
  }

  async #open(name: string, config: StoreConfig, files: Files): Promise<LimitStore> {
    const { redisLimits } = await import("@pagoda/redis");
    const { log, clock } = this.#options;
    const connect = (options: Pick<RedisLimitsOptions, "observer" | "clock">): RedisLimits =>
      redisLimits({ ...optionsOf(config, files), ...options });
    const store = new LimitStore({ name, timeoutMs: config.timeout, connect, log, clock });
    // Without it the first calls would be decided locally.
    await within(firstAttemptMs, store.tried, clock);
    return store;
  }
}

/** Closes stores that are not among those still in use. */
function closeOthers(stores: StoreSet, inUse: StoreSet): void {
  const kept = new Set(Array.from(inUse.values(), ({ store }) => store));
  for (const { store } of stores.values()) if (!kept.has(store)) store.close();
}

/** The contents of files, by field. */
type Files = ReturnType<typeof filesOf>;

function filesOf({ passwordFile, secretFile, tls }: StoreConfig, files: ReadonlyMap<string, string>) {
  const contents = (name: string | undefined): string | undefined =>
    name === undefined ? undefined : files.get(name);
  return {
    password: contents(passwordFile),
    secret: contents(secretFile),
    ca: contents(tls?.ca),
    cert: contents(tls?.certificate),
    key: contents(tls?.key),
  };
}

function optionsOf(
  { redis, mode, master, username, tls, timeout }: StoreConfig,
  { password, secret, ca, cert, key }: Files,
): RedisLimitsOptions {
  return {
    url: redis,
    mode,
    timeoutMs: timeout,
    ...defined({
      master,
      username,
      password: password && secretIn(password),
      secret: secret && secretIn(secret),
    }),
    ...(tls && { tls: defined({ ca, cert, key, servername: tls.servername }) }),
  };
}
