import type { FromClient, HttpRequest } from "@pagoda/http";
import {
  limitDebts,
  memoryStore,
  rateLimit as rateLimitLayer,
  type RateLimited,
  type RateLimitObserver,
  type Rates,
  type Store,
  type Unreachable,
} from "@pagoda/rate-limit";
import type { Answer } from "@pagoda/respond";
import type { Vocabulary } from "../schema/vocabulary.ts";
import { checkBy, limitKey, perClient } from "./client.ts";
import { definePolicy, eventsOf, type ListenerEnvironment } from "./policy.ts";
import { rateText } from "./rate-text.ts";
import { retryAfter } from "./retry-after.ts";
import { spanText } from "./span-text.ts";

const limit = ({ fields, whole, rate }: Vocabulary) =>
  fields({
    rate: rate.describe("Sustained rate."),
    burst: whole(1, 1_000_000_000)
      .optional()
      .describe("Maximum burst after a pause. Default: one second's worth."),
  });

/** Defaults of limits in a store. */
const defaultLeaseMs = 20;
const byShare: Unreachable = { share: 0.25 };

const settings = (words: Vocabulary) => {
  const { z, fields, whole, word, name, leaseDuration, ratioOverNone } = words;
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
    store: name
      .optional()
      .describe(
        "Store that keeps the limits for all machines; they share those of listeners and routes of the same name. Default: each machine has its own limits.",
      ),
    lease: leaseDuration
      .optional()
      .describe(
        "How long a worker may hold calls that it has taken from the store in advance; 0ms asks for each call. Default: 20ms.",
      ),
    unreachable: z
      .union([word(["allow", "deny"]), fields({ share: ratioOverNone.describe("Share of each limit.") })], {
        error: "must be allow, deny, or { share: RATIO }",
      })
      .optional()
      .describe("What this machine admits while the store does not answer. Default: `{ share: 25% }`."),
  }).refine(({ global, perClient }) => global !== undefined || perClient !== undefined, {
    error: "must have global, perClient, or both",
  });
};

const events = eventsOf<RateLimitObserver<HttpRequest & FromClient>>("rate-limit", ["refused"], {
  admitted: ({ limit, left, burst, isEstimate, share }) =>
    `admitted, ${isEstimate === true ? "about " : ""}${left} of ${burst} left${limit === "keyed" ? " for this client" : ""}${shareText(share)}`,
  refused: ({ limit, perSecond, burst, retryAfterMs, share }) =>
    share === 0
      ? "refused: the store of the limit does not answer, and `unreachable` is deny"
      : `refused by the ${limit === "global" ? "global" : "per-client"} limit of ${rateText(perSecond)} with bursts of ${burst}${shareText(share)}; the next call may come in ${spanText(retryAfterMs)}`,
});

/**
 * Limits the rate of calls over all workers. Stands inside `authorize`, since denied requests must
 * not count against a limit, and outside everything else, since a refused call costs nothing.
 */
export const rateLimit = definePolicy({
  name: "rateLimit",
  at: ["listener", "route"],
  schema: (words: Vocabulary) =>
    settings(words).optional().describe("Limits the rate of calls over all workers; excess calls get 429."),
  check({ perClient, store, lease, unreachable }, checking) {
    const { path, report, needsStore } = checking;
    if (perClient !== undefined) checkBy([...path, "perClient", "by"], perClient.by, checking);
    if (store !== undefined) needsStore([...path, "store"], store);
    for (const [name, value] of Object.entries({ lease, unreachable }))
      if (store === undefined && value !== undefined)
        report([...path, name], "has no effect without store", [[...path, "store"]]);
  },
  events,
  state: {
    isShared: true,
    // Debt counts against changed rates, too.
    boundTo: ({ perClient, store, lease, unreachable }) => [perClient?.maxClients, store, lease, unreachable],
    /** Creates a store when the layer first passes its rates, and another one when they change. */
    create(
      { perClient, store, lease = defaultLeaseMs, unreachable = byShare },
      { sharedStore }: ListenerEnvironment,
    ) {
      const maxKeys = perClient?.maxClients ?? 1;
      const kept = store === undefined ? undefined : { store, leaseMs: lease, unreachable };
      const make: (rates: Rates) => Store =
        sharedStore?.(maxKeys, kept) ?? memoryStore({ maxKeys, debts: limitDebts() });
      let latest: { readonly rates: string; readonly store: Store } | undefined;
      return (rates: Rates): Store => {
        const text = JSON.stringify(rates);
        if (latest?.rates !== text) latest = { rates: text, store: make(rates) };
        return latest.store;
      };
    },
  },
  layer: ({ global, perClient }, { observe, clock }, store) =>
    rateLimitLayer<HttpRequest & FromClient, Store>({
      ...(global && { global: rateOf(global) }),
      ...(perClient && {
        keyed: { ...rateOf(perClient), key: limitKey(perClient.by, perClient.ipv6Prefix) },
      }),
      store,
      observer: observe(events),
      clock,
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

function shareText(share: number | undefined): string {
  if (share === undefined) return "";
  return `, a share of ${Number((share * 100).toFixed(1))}% because the store of the limit does not answer`;
}

function rateOf({ rate, burst }: { readonly rate: number; readonly burst?: number | undefined }) {
  return { perSecond: rate, ...(burst !== undefined && { burst }) };
}
