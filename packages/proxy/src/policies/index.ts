import { authorizeListener, authorizeRoute } from "./authorize.ts";
import { buffer } from "./buffer.ts";
import { circuitBreaker } from "./circuit-breaker.ts";
import { clientConcurrency } from "./client-concurrency.ts";
import { concurrencyLimit, endpointConcurrencyLimit } from "./concurrency-limit.ts";
import { failfast } from "./failfast.ts";
import { fault } from "./fault.ts";
import { hedge } from "./hedge.ts";
import { mirror } from "./mirror.ts";
import { rateLimit } from "./rate-limit.ts";
import { retry } from "./retry.ts";
import { timeout, tryTimeout } from "./timeout.ts";

/**
 * The policies by place, from the outside in. The configuration, `check`, `explain`, the reference
 * page, the metrics, the responses to errors and the state kept over reloads all derive from this
 * list. Each policy's file explains its place.
 */
export const policies = {
  /** Around all routes of a listener. */
  listener: [authorizeListener, rateLimit, clientConcurrency, concurrencyLimit],
  /** Around the clusters of a route. */
  route: [
    authorizeRoute,
    rateLimit,
    clientConcurrency,
    timeout,
    buffer,
    concurrencyLimit,
    mirror,
    retry,
    hedge,
    fault,
  ],
  /** Around the balancer of a cluster. */
  cluster: [failfast],
  /** Around the transport to each endpoint; configured with the cluster. */
  endpoint: [circuitBreaker, endpointConcurrencyLimit, tryTimeout],
} as const;

/** All policies, each as often as it has places. */
export const allPolicies = [
  ...policies.listener,
  ...policies.route,
  ...policies.cluster,
  ...policies.endpoint,
] as const;
