import { checkDuration, checkInteger, checkNumber, type Clock, systemClock } from "@pagoda/core";
import type { HttpRequest } from "@pagoda/http";
import { memoryStore } from "./memory-store.ts";
import type { CacheStore } from "./store.ts";

/** Callbacks for metrics and logs. Must not throw. */
export interface CacheObserver {
  /** A stored response answered without the origin. `isStale`: with permission to. */
  readonly hit?: (isStale: boolean, request: HttpRequest) => void;
  /** A request was forwarded, or joined one that had been. */
  readonly missed?: (isCollapsed: boolean, request: HttpRequest) => void;
  /** The origin confirmed a stored response. */
  readonly validated?: (request: HttpRequest) => void;
  /** A stored response replaced the origin's error. */
  readonly staleIfError?: (request: HttpRequest) => void;
  /** The store failed; the cache did without it. */
  readonly storeFailed?: (error: unknown) => void;
  /** A validation in the background failed, or took longer than `revalidateTimeoutMs`. */
  readonly revalidationFailed?: (error: unknown) => void;
}

export interface CacheOptions {
  /**
   * Whether the cache serves several users, as on a server, in a proxy, or in a client that calls for
   * others. Only a private one stores responses that are meant for one user. Default true.
   */
  readonly shared?: boolean;
  /** Where responses are kept. Default: `memoryStore()`, one for the layer. */
  readonly store?: CacheStore;
  /** Maximum bytes of a stored body: an integer of at least 0. Default 1,048,576 (1 MiB). */
  readonly maxEntryBytes?: number;
  /**
   * Lifetime of responses that have none, as a share of the time since `Last-Modified`, for at most a
   * day: 0 (none) to 1. RFC 9111, section 4.2.2, mentions 0.1. Default 0.
   */
  readonly heuristicRatio?: number;
  /**
   * Time limit of a validation in the background, its body included: milliseconds, over 0. Default
   * 30,000.
   */
  readonly revalidateTimeoutMs?: number;
  /** Name of this cache in `Cache-Status`, or false to leave the field alone. Default `pagoda`. */
  readonly name?: string | false;
  readonly observer?: CacheObserver;
  readonly clock?: Clock;
}

export type Settings = Required<Omit<CacheOptions, "store">> & { readonly store: CacheStore };

/** @throws RangeError if an option is out of range. */
export function checked({
  shared = true,
  store,
  maxEntryBytes = 1_048_576,
  heuristicRatio = 0,
  revalidateTimeoutMs = 30_000,
  name = "pagoda",
  observer = {},
  clock = systemClock,
}: CacheOptions): Settings {
  checkInteger("cache: maxEntryBytes", maxEntryBytes, { min: 0 });
  checkNumber("cache: heuristicRatio", heuristicRatio, { min: 0, max: 1 });
  checkDuration("cache: revalidateTimeoutMs", revalidateTimeoutMs);
  const kept = store ?? memoryStore();
  return { shared, store: kept, maxEntryBytes, heuristicRatio, revalidateTimeoutMs, name, observer, clock };
}
