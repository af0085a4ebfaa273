import { keyedConcurrencyLimit, type KeyedConcurrencyLimitObserver } from "@pagoda/concurrency-limit";
import type { FromClient, HttpRequest, HttpResponse } from "@pagoda/http";
import type { Vocabulary } from "../schema/vocabulary.ts";
import { checkBy, limitKey, perClient } from "./client.ts";
import { definePolicy, type Environment, eventsOf } from "./policy.ts";
import { soon } from "./retry-after.ts";

const settings = (words: Vocabulary) => {
  const { fields, whole } = words;
  return fields({
    limit: whole(1, 1_000_000).describe("Maximum requests of one client in flight."),
    ...perClient(words),
  });
};

const events = eventsOf<KeyedConcurrencyLimitObserver>("keyed-concurrency-limit", ["refused"], {
  admitted: ({ inFlight, limit }) => `admitted, ${inFlight} of ${limit} in use by this client`,
  refused: ({ limit }) => `refused: this client has ${limit} requests in flight`,
});

/**
 * Bounds the requests in flight of one client, each until the client has its response. Stands
 * outside shared limits such as a concurrency limit, so that one client leaves room for the others.
 */
export const clientConcurrency = definePolicy({
  name: "clientConcurrency",
  at: ["listener", "route"],
  schema: (words: Vocabulary) =>
    settings(words)
      .optional()
      .describe(
        "Maximum concurrent requests of one client, in each worker. A request counts until its response has been received; others get 429. Default: no limit, because behind a gateway that is not in `trustedProxies` all clients look like one.",
      ),
  check: ({ by }, checking) => checkBy([...checking.path, "by"], by, checking),
  events,
  state: {
    // Calls in flight count against a changed limit, too.
    boundTo: ({ by, ipv6Prefix }) => [by, ipv6Prefix],
    create: () => new Map<string, number>(),
  },
  layer: ({ limit, by, ipv6Prefix }, { observe }: Environment, counts) =>
    keyedConcurrencyLimit<HttpRequest & FromClient, HttpResponse>({
      limit,
      key: limitKey(by, ipv6Prefix),
      endWhen: ({ body }, end) => body.observe(end),
      counts,
      observer: observe(events),
    }),
  answers: {
    KeyedConcurrencyLimited: {
      status: 429,
      message: "too many concurrent requests from this client",
      headers: soon,
    },
  },
  grpc: { KeyedConcurrencyLimited: "RESOURCE_EXHAUSTED" },
});
