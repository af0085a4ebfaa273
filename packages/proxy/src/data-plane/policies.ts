import { authorize, type AuthorizeObserver, type RoutedTo, type Rule, type To } from "@pagoda/authorize";
import { concurrencyLimit, type ConcurrencyLimitObserver } from "@pagoda/concurrency-limit";
import type { FromClient, HttpRequest } from "@pagoda/core/http";
import { grpcClassifier } from "@pagoda/grpc";
import { memoryStore, rateLimit, type RateLimitObserver, type Rates, type Store } from "@pagoda/rate-limit";
import type { AuthorizePolicy, ConcurrencyPolicy, RateLimitPolicy } from "../config/schema/policies.ts";
import { limitKey } from "./client.ts";
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
