export * from "./cache.ts";
export * from "./memory-store.ts";
export type { CacheObserver, CacheOptions } from "./options.ts";
export type { CacheStore } from "./store.ts";
export type { StoredResponse } from "./stored-response.ts";
