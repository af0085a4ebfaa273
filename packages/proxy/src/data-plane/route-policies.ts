import { buffer, type BufferObserver } from "@pagoda/buffer";
import { anyReady, budget, type Layer, optional, type Service, ServiceBuilder } from "@pagoda/core";
import type { FromClient, HttpRequest, HttpResponse } from "@pagoda/http";
import { fault, type FaultObserver } from "@pagoda/fault";
import { grpcClassifier, grpcDeadline, type GrpcDeadlineObserver } from "@pagoda/grpc";
import { hedge, type HedgeObserver } from "@pagoda/hedge";
import { mirror, type MirrorObserver } from "@pagoda/mirror";
import { replay } from "@pagoda/replay";
import type { Rates, Store } from "@pagoda/rate-limit";
import { exponential, retry, type RetryObserver } from "@pagoda/retry";
import { perRoute, type Routed, type RouteTable } from "@pagoda/router";
import { timeout, type TimeoutObserver } from "@pagoda/timeout";
import type { RoutePolicies } from "../config/schema/policies.ts";
import type { InjectedStatus } from "./answers.ts";
import { given } from "./given.ts";
import { retryClassifier } from "./retry-classifier.ts";
import type { Kept } from "./kept.ts";
import { authorizeOnRoute, type Labels, limitClient, limitConcurrency, limitRate } from "./policies.ts";
import { upstreamTime } from "./upstream-time.ts";
import { limitName } from "./shared-limits.ts";
import type { Tell } from "./tell.ts";

/** What the policies of routes need beside their configuration. */
export interface RouteContext extends Tell {
  readonly listener: string;
  readonly limits: ((name: string) => (maxKeys: number) => (rates: Rates) => Store) | undefined;
  readonly kept: Kept;
  /** A cluster, for copies of calls. */
  readonly cluster: (name: string) => Service<HttpRequest & FromClient, HttpResponse, unknown>;
}

type Table = RouteTable<string, RoutePolicies>;
type OnRoute = HttpRequest & FromClient & Routed<string, RoutePolicies>;

/** What is done with the calls of each route before they go to a cluster. */
export function routePolicies(table: Table, context: RouteContext) {
  return perRoute(table, (route) => {
    const clusters = new Set(table.selectedOf(route).map(({ cluster }) => context.cluster(cluster)));
    return stackOf(route.name, route.policy as RoutePolicies, context, clusters);
  });
}

/** From the outside in. It is one stack, so that who waits in it waits for this route, and not for any of them. */
function stackOf(
  route: string,
  policies: RoutePolicies,
  context: RouteContext,
  clusters: ReadonlySet<ClusterService>,
) {
  const { events, listener, limits, kept } = context;
  const labels = { route };
  const limit = limitName(listener, route);
  const { authorize, rateLimit, buffer: waiting, concurrencyLimit, mirror: copies, retry, hedge } = policies;
  return (
    new ServiceBuilder<OnRoute>()
      .layer(optional(authorize && authorizeOnRoute(authorize, labels, context)))
      // What is refused has cost nothing.
      .layer(optional(rateLimit && limitRate(rateLimit, labels, limits?.(limit), context)))
      .layer(optional(limitClient(policies.clientConcurrency, limit, labels, context)))
      // A client of gRPC says itself how long it waits.
      .layer(
        grpcDeadline({
          observer: events.observer<GrpcDeadlineObserver>("grpc-deadline", ["exceeded"], {
            labels: { listener },
          }),
        }),
      )
      // One deadline for all tries, and for waiting.
      .layer(
        optional(
          policies.timeout > 0
            ? timeout({
                ms: policies.timeout,
                startWhen: upstreamTime,
                observer: events.observer<TimeoutObserver>("timeout", ["timedOut"], { labels }),
              })
            : undefined,
        ),
      )
      .layer(
        optional(
          waiting &&
            buffer({
              capacity: waiting.capacity,
              ...(waiting.maxWait !== undefined && { maxWaitMs: waiting.maxWait }),
              observer: events.observer<BufferObserver>("buffer", ["dropped"], { labels }),
            }),
        ),
      )
      .layer(
        optional(
          concurrencyLimit === undefined ? undefined : limitConcurrency(concurrencyLimit, labels, context),
        ),
      )
      // A call is copied once, whatever is tried.
      .layer(
        optional(
          copies &&
            mirror<HttpRequest & FromClient>({
              to: context.cluster(copies.cluster),
              ratio: copies.ratio,
              ...given({ maxInFlight: copies.maxInFlight, timeoutMs: copies.timeout }),
              observer: events.observer<MirrorObserver<HttpRequest & FromClient>>(
                "mirror",
                ["sent", "answered", "failed", "skipped"],
                { labels },
              ),
            }),
        ),
      )
      .layer(
        optional(
          retry === undefined && hedge === undefined
            ? undefined
            : repeating(
                { retry, hedge },
                labels,
                context,
                retry && kept.get(`retry budget, ${limit}`, retry.budget, () => budget(retry.budget)),
              ),
        ),
      )
      .layer(optional(policies.fault && faults(policies.fault, labels, context)))
      .layer(readyWith(clusters))
      .asLayer()
  );
}

type ClusterService = ReturnType<RouteContext["cluster"]>;

/** Further in are the clusters of all routes; those of one route are what its calls wait for. */
function readyWith(clusters: ReadonlySet<ClusterService>): Layer<unknown> {
  const layer = <Req, Res, Err>(inner: Service<Req, Res, Err>): Service<Req, Res, Err> => ({
    ready: () => anyReady(clusters),
    call: (request, signal) => inner.call(request, signal),
    describe: () => inner.describe(),
  });
  return layer as Layer<unknown>;
}

/** Further tries, and second calls, out of one budget. */
function repeating(
  { retry: tries, hedge: second }: Pick<RoutePolicies, "retry" | "hedge">,
  labels: Labels,
  { events }: Tell,
  spent: ReturnType<typeof budget> | undefined,
) {
  const classifier = tries === undefined ? grpcClassifier() : retryClassifier(tries.on);
  return new ServiceBuilder<HttpRequest>()
    .layer(replay(tries === undefined ? {} : { maxBytes: tries.maxBody, methods: tries.on.methods }))
    .layer(
      optional(
        tries === undefined
          ? undefined
          : retry({
              attempts: tries.attempts,
              backoff: exponential({ baseMs: tries.backoff.base, maxMs: tries.backoff.max }),
              ...(spent !== undefined && { budget: spent }),
              maxRetryAfterMs: tries.maxRetryAfter,
              classifier,
              observer: events.observer<RetryObserver>("retry", ["retried", "recovered", "gaveUp"], {
                labels,
              }),
            }),
      ),
    )
    .layer(
      optional(
        second === undefined
          ? undefined
          : hedge({
              maxExtraLoad: second.maxExtraLoad,
              windowMs: second.window,
              minSamples: second.minSamples,
              ...(spent !== undefined && { budget: spent }),
              classifier,
              observer: events.observer<HedgeObserver>("hedge", ["hedged"], { labels }),
            }),
      ),
    )
    .asLayer();
}

function faults({ delay, failure }: NonNullable<RoutePolicies["fault"]>, labels: Labels, { events }: Tell) {
  const error: InjectedStatus = {
    _tag: "Injected",
    origin: "upstream",
    retryable: true,
    status: failure?.status ?? 503,
  };
  return fault({
    delay: { ratio: delay?.ratio ?? 0, ms: delay?.time ?? 0 },
    failure: { ratio: failure?.ratio ?? 0, error: () => error },
    observer: events.observer<FaultObserver>("fault", ["delayed", "failed"], { labels }),
  });
}
