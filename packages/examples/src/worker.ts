// A gateway for runtimes whose servers call a function with the web's Request: Bun, Deno, workerd.
import { circuitBreaker, consecutiveFailures } from "@pagoda/circuit-breaker";
import { ServiceBuilder } from "@pagoda/core";
import { fromFetch, toFetch } from "@pagoda/fetch";
import { forwarded } from "@pagoda/forwarded";
import type { HttpRequest } from "@pagoda/http";
import { rateLimit } from "@pagoda/rate-limit";
import { replay } from "@pagoda/replay";
import { respond } from "@pagoda/respond";
import { retry } from "@pagoda/retry";
import { clusters, perRoute, type Route, router, routeTable } from "@pagoda/router";
import { timeout } from "@pagoda/timeout";

interface Policy {
  readonly timeoutMs: number;
}

/**
 * Makes the handler. All paths below `/shop/` go to the upstream.
 *
 * @param upstream `fetch`, or the binding of another worker.
 */
export function gateway(upstream: typeof fetch): (request: Request) => Promise<Response> {
  const table = routeTable([
    { name: "reports", match: { path: { prefix: "/shop/reports" } }, cluster: "limited" },
    {
      name: "search",
      match: { path: { prefix: "/shop/search" } },
      cluster: "shop",
      policy: { timeoutMs: 100 },
    },
    { name: "shop", match: { path: { prefix: "/shop" } }, cluster: "shop" },
  ] as const satisfies readonly Route<"shop" | "limited", Policy>[]);
  const shop = fromFetch(upstream);
  const limited = new ServiceBuilder<HttpRequest>()
    .layer(rateLimit({ global: { perSecond: 0.001, burst: 1 } }))
    .service(shop);
  const guarded = new ServiceBuilder<HttpRequest>()
    .layer(replay())
    .layer(retry({ attempts: 3 }))
    .layer(circuitBreaker({ trip: consecutiveFailures(6), openMs: 60_000 }))
    .service(shop);
  const stack = new ServiceBuilder<HttpRequest>()
    .layer(forwarded())
    .layer(respond(answers))
    .layer(router(table))
    .layer(perRoute(table, ({ policy }) => timeout({ ms: policy?.timeoutMs ?? 60_000 })))
    .service(clusters({ shop: guarded, limited }));
  const handler = toFetch(stack);
  // A runtime passes more arguments, such as the environment, which are not options of fetch.
  return (request) => handler(request);
}

const answers = {
  Aborted: { status: 499, message: "the client closed the connection" },
  CircuitOpen: { status: 503, message: "the upstream is failing" },
  FetchFailed: { status: 502, message: "the upstream cannot be reached" },
  NoRoute: { status: 404, message: "not found" },
  PathRefused: { status: 400, message: "the path is malformed" },
  RateLimited: { status: 429, message: "too many requests" },
  TimedOut: { status: 504, message: "the upstream did not respond in time" },
} as const;
