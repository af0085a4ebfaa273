import { checkInteger } from "@pagoda/core";
import type { CacheStore } from "./store.ts";
import type { StoredResponse } from "./stored-response.ts";

export interface MemoryStoreOptions {
  /** Maximum bytes of all entries: an integer of at least 0. Default 67,108,864 (64 MiB). */
  readonly maxBytes?: number;
}

/** Bytes that an object, its array and its place in a map take, roughly. */
const overheadBytes = 512;

interface Entry {
  readonly variants: readonly StoredResponse[];
  readonly bytes: number;
}

/**
 * Keeps responses in memory. Beyond `maxBytes`, the entries that were not used for the longest time
 * are dropped. Several layers may share one.
 *
 * The size of an entry is that of its bodies and, estimated, of its fields and its key.
 *
 * @throws RangeError if `maxBytes` is out of range.
 */
export function memoryStore({ maxBytes = 67_108_864 }: MemoryStoreOptions = {}): CacheStore {
  checkInteger("memory-store: maxBytes", maxBytes, { min: 0 });
  /** In the order of their last use. */
  const entries = new Map<string, Entry>();
  let bytes = 0;

  function remove(key: string): void {
    const entry = entries.get(key);
    if (entry === undefined) return;
    entries.delete(key);
    bytes -= entry.bytes;
  }

  return {
    get(key) {
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      entries.delete(key);
      entries.set(key, entry);
      return entry.variants;
    },
    put(key, variants) {
      remove(key);
      const entry: Entry = { variants, bytes: bytesOf(key, variants) };
      if (entry.bytes > maxBytes) return;
      entries.set(key, entry);
      bytes += entry.bytes;
      for (const oldest of entries.keys()) {
        if (bytes <= maxBytes) break;
        remove(oldest);
      }
    },
    delete: remove,
    state: () => ({ entries: entries.size, bytes }),
  };
}

function bytesOf(key: string, variants: readonly StoredResponse[]): number {
  let bytes = 2 * key.length;
  for (const { headers, selectedBy, body } of variants) {
    bytes += overheadBytes + body.length;
    for (const text of headers) bytes += 2 * text.length;
    for (const text of selectedBy) bytes += 2 * text.length;
  }
  return bytes;
}
