import type { Json } from "@pagoda/core";
import type { StoredResponse } from "./stored-response.ts";

/**
 * Where responses are kept: {@link memoryStore}, or a database of your own. Each key has the variants
 * of one URI, which differ in the request fields that `Vary` names, the newest first.
 *
 * Functions may return promises. If one throws or rejects, the cache reports it to its observer and
 * continues without the store.
 */
export interface CacheStore {
  get(key: string): readonly StoredResponse[] | undefined | Promise<readonly StoredResponse[] | undefined>;
  /** Replaces what the key has. The store may forget it at any time. */
  put(key: string, variants: readonly StoredResponse[]): void | Promise<void>;
  delete(key: string): void | Promise<void>;
  /** Its size and the like, for `describe()`. */
  readonly state?: () => { readonly [name: string]: Json };
}
