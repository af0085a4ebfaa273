import { authorize, type AuthorizeObserver, type RoutedTo, type Rule, type To } from "@pagoda/authorize";
import {
  concurrencyLimit,
  type ConcurrencyLimitObserver,
  keyedConcurrencyLimit,
  type KeyedConcurrencyLimitObserver,
} from "@pagoda/concurrency-limit";
import type { FromClient, HttpRequest, HttpResponse } from "@pagoda/http";
import { grpcClassifier } from "@pagoda/grpc";
import { memoryStore, rateLimit, type RateLimitObserver, type Rates, type Store } from "@pagoda/rate-limit";
import type {
  AuthorizePolicy,
  ClientConcurrencyPolicy,
  ConcurrencyPolicy,
  RateLimitPolicy,
} from "../config/schema/policies.ts";
import { limitKey } from "./client.ts";
import type { Kept } from "./kept.ts";
import { limitOf } from "./limit.ts";
import type { Tell } from "./tell.ts";

/** Which part of the configuration a policy is of: labels of what it counts. */
export type Labels = Readonly<Record<string, string>>;

/** Who may pass; for a listener, where no route is known yet. */
export function authorizeAtDoor(policy: AuthorizePolicy, labels: Labels, { events }: Tell) {
  return authorize({
    rules: policy.rules as readonly Rule<To>[],
    otherwise: policy.otherwise,
    observer: events.observer<AuthorizeObserver<HttpRequest>>("authorize", ["denied"], { labels }),
  });
}

/** Who may pass, on a route. */
export function authorizeOnRoute(policy: AuthorizePolicy, labels: Labels, { events }: Tell) {
  return authorize({
    rules: policy.rules as readonly Rule<RoutedTo>[],
    otherwise: policy.otherwise,
    observer: events.observer<AuthorizeObserver<HttpRequest>>("authorize", ["denied"], { labels }),
  });
}

/** How many calls may pass, in all workers together. */
export function limitRate(
  { global, perClient }: RateLimitPolicy,
  labels: Labels,
  store: ((maxKeys: number) => (rates: Rates) => Store) | undefined,
  { events }: Tell,
) {
  const maxKeys = perClient?.maxClients ?? 1;
  return rateLimit<HttpRequest & FromClient, Store>({
    ...(global && { global: rateOf(global) }),
    ...(perClient && { keyed: { ...rateOf(perClient), key: limitKey(perClient.by, perClient.ipv6Prefix) } }),
    store: store?.(maxKeys) ?? memoryStore({ maxKeys }),
    observer: events.observer<RateLimitObserver<HttpRequest & FromClient>>("rate-limit", ["refused"], {
      labels,
    }),
  });
}

function rateOf({ rate, burst }: { readonly rate: number; readonly burst?: number | undefined }) {
  return { perSecond: rate, ...(burst !== undefined && { burst }) };
}

/** How many calls may be under way. */
export function limitConcurrency(policy: ConcurrencyPolicy, labels: Labels, { events }: Tell) {
  return concurrencyLimit({
    limit: limitOf(policy),
    classifier: grpcClassifier(),
    observer: events.observer<ConcurrencyLimitObserver>("concurrency-limit", ["refused"], { labels }),
  });
}

/**
 * How many calls of one client may be under way: each until the client has its response, so that it cannot hold on to
 * many. Over reloads those under way go on to count.
 *
 * @param name What the limit is called.
 */
export function limitClient(
  policy: ClientConcurrencyPolicy | undefined,
  name: string,
  labels: Labels,
  { events, kept }: Tell & { readonly kept: Kept },
) {
  if (policy === undefined) return undefined;
  const { limit, by, ipv6Prefix } = policy;
  return keyedConcurrencyLimit<HttpRequest & FromClient, HttpResponse>({
    limit,
    key: limitKey(by, ipv6Prefix),
    endWhen: ({ body }, end) => body.observe(end),
    counts: kept.get(`calls per client, ${name}`, { by, ipv6Prefix }, () => new Map<string, number>()),
    observer: events.observer<KeyedConcurrencyLimitObserver>("keyed-concurrency-limit", ["refused"], {
      labels,
    }),
  });
}
