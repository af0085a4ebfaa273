import { cache as cacheLayer, type CacheObserver, memoryStore } from "@pagoda/cache";
import { definePolicy, type Environment, eventsOf } from "./policy.ts";

const events = eventsOf<CacheObserver>(
  "cache",
  ["hit", "missed", "validated", "staleIfError", "storeFailed", "revalidationFailed"],
  {
    hit: (isStale) =>
      isStale ? "answered from the cache, with a stale response" : "answered from the cache",
    missed: (isCollapsed) => (isCollapsed ? "joined a call for the same response" : "not in the cache"),
    validated: () => "the origin confirmed the stored response",
    staleIfError: () => "a stored response replaced the error",
  },
);

/**
 * Answers with stored responses. Stands inside what belongs to each caller, its timeout included, and
 * outside everything that protects the upstream, which a stored response does not burden. Not around
 * the routes of a listener: it would answer clients that a policy of a route refuses.
 */
export const cache = definePolicy({
  name: "cache",
  at: ["route"],
  schema: ({ fields, size }) =>
    fields({
      memory: size
        .prefault("64MiB")
        .describe("Memory for responses, per worker; those unused for the longest time make room."),
      maxEntry: size.prefault("1MiB").describe("Maximum size of a stored body."),
    })
      .optional()
      .describe(
        "Shared cache (RFC 9111): stores what the fields of requests and responses allow, for as long as they allow, and says what it did in `Cache-Status`. Responses stay stored over reloads, unless `memory` changes.",
      ),
  events,
  state: {
    boundTo: ({ memory }) => memory,
    create: ({ memory }) => memoryStore({ maxBytes: memory }),
  },
  layer: ({ maxEntry }, { observe, clock }: Environment, store) =>
    cacheLayer({ maxEntryBytes: maxEntry, store, observer: observe(events), clock }),
  answers: {},
});
