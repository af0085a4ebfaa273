import type { FromClient, HttpRequest } from "@pagoda/http";
import {
  limitDebts,
  memoryStore,
  rateLimit as rateLimitLayer,
  type RateLimited,
  type RateLimitObserver,
  type Rates,
  type Store,
} from "@pagoda/rate-limit";
import type { Answer } from "@pagoda/respond";
import type { Vocabulary } from "../schema/vocabulary.ts";
import { checkBy, limitKey, perClient } from "./client.ts";
import { definePolicy, eventsOf, type ListenerEnvironment } from "./policy.ts";
import { retryAfter } from "./retry-after.ts";

const limit = ({ fields, whole, rate }: Vocabulary) =>
  fields({
    rate: rate.describe("Sustained rate."),
    burst: whole(1, 1_000_000_000)
      .optional()
      .describe("Maximum burst after a pause. Default: one second's worth."),
  });

const settings = (words: Vocabulary) => {
  const { fields, whole } = words;
  return fields({
    global: limit(words).optional().describe("Limit over all calls."),
    perClient: limit(words)
      .extend({
        ...perClient(words),
        maxClients: whole(1, 10_000_000)
          .default(100_000)
          .describe("Maximum clients that are tracked at once."),
      })
      .optional()
      .describe("Limit for each client."),
  }).refine(({ global, perClient }) => global !== undefined || perClient !== undefined, {
    error: "must have global, perClient, or both",
  });
};

const events = eventsOf<RateLimitObserver<HttpRequest & FromClient>>("rate-limit", ["refused"]);

/**
 * Limits the rate of calls over all workers. Stands inside `authorize`, since denied requests must
 * not count against a limit, and outside everything else, since a refused call costs nothing.
 */
export const rateLimit = definePolicy({
  name: "rateLimit",
  at: ["listener", "route"],
  schema: (words: Vocabulary) =>
    settings(words).optional().describe("Limits the rate of calls over all workers; excess calls get 429."),
  check({ perClient }, checking) {
    if (perClient !== undefined) checkBy([...checking.path, "perClient", "by"], perClient.by, checking);
  },
  events,
  state: {
    isShared: true,
    // Debt counts against changed rates, too.
    boundTo: ({ perClient }) => perClient?.maxClients,
    /** Creates a store when the layer first passes its rates, and another one when they change. */
    create({ perClient }, { sharedStore }: ListenerEnvironment) {
      const maxKeys = perClient?.maxClients ?? 1;
      const make: (rates: Rates) => Store =
        sharedStore?.(maxKeys) ?? memoryStore({ maxKeys, debts: limitDebts() });
      let latest: { readonly rates: string; readonly store: Store } | undefined;
      return (rates: Rates): Store => {
        const text = JSON.stringify(rates);
        if (latest?.rates !== text) latest = { rates: text, store: make(rates) };
        return latest.store;
      };
    },
  },
  layer: ({ global, perClient }, { observe }, store) =>
    rateLimitLayer<HttpRequest & FromClient, Store>({
      ...(global && { global: rateOf(global) }),
      ...(perClient && {
        keyed: { ...rateOf(perClient), key: limitKey(perClient.by, perClient.ipv6Prefix) },
      }),
      store,
      observer: observe(events),
    }),
  answers: {
    RateLimited: ({ retryAfterMs, limit, perSecond, burst }: RateLimited): Answer => ({
      status: 429,
      message: "too many requests",
      headers: {
        ...retryAfter(retryAfterMs),
        "ratelimit-policy": `"${limit}";q=${burst};w=${Math.max(1, Math.ceil(burst / perSecond))}`,
        ratelimit: `"${limit}";r=0;t=${Math.max(1, Math.ceil(retryAfterMs / 1_000))}`,
      },
    }),
  },
  grpc: { RateLimited: "RESOURCE_EXHAUSTED" },
});

function rateOf({ rate, burst }: { readonly rate: number; readonly burst?: number | undefined }) {
  return { perSecond: rate, ...(burst !== undefined && { burst }) };
}
