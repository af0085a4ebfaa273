import { buffer, type BufferObserver } from "@pagoda/buffer";
import { budget, type Layer, optional, type Service, ServiceBuilder } from "@pagoda/core";
import type { FromClient, HttpRequest, HttpResponse } from "@pagoda/core/http";
import { fault, type FaultObserver } from "@pagoda/fault";
import { grpcClassifier, grpcDeadline, type GrpcDeadlineObserver } from "@pagoda/grpc";
import { hedge, type HedgeObserver } from "@pagoda/hedge";
import { mirror, type MirrorObserver } from "@pagoda/mirror";
import { replay } from "@pagoda/replay";
import { exponential, retry, type RetryObserver } from "@pagoda/retry";
import { perRoute, type Routed, type RouteTable } from "@pagoda/router";
import { timeout, type TimeoutObserver } from "@pagoda/timeout";
import type { RoutePolicies } from "../config/schema/policies.ts";
import type { InjectedStatus } from "./answers.ts";
import type { Kept } from "./kept.ts";
import { authorizeOnRoute, type Labels, limitConcurrency, limitRate } from "./policies.ts";
import { requestSent } from "./sent.ts";
import { limitName } from "./shared-limits.ts";
import type { Tell } from "./tell.ts";

/** What the policies of routes need beside their configuration. */
export interface RouteContext extends Tell {
  readonly listener: string;
  readonly limits: ReadonlyMap<string, SharedArrayBuffer>;
  readonly kept: Kept;
  /** A cluster, for copies of calls. */
  readonly cluster: (name: string) => Service<HttpRequest & FromClient, HttpResponse, unknown>;
}

type Table = RouteTable<string, RoutePolicies>;
type OnRoute = HttpRequest & FromClient & Routed<string, RoutePolicies>;

/** What is done with the calls of each route before they go to a cluster, from the outside in. */
export function routePolicies(table: Table, context: RouteContext) {
  const { events, listener, limits, kept } = context;

  /** A layer for each route whose policies have a part; none at all where no route has it. */
  function forRoutes<P, Needs, Fails>(
    part: (policies: RoutePolicies) => P | undefined,
    make: (policy: P, labels: { readonly route: string }) => Layer<Needs, unknown, Fails>,
  ): Layer<Routed<string, RoutePolicies> & Needs, unknown, Fails> {
    const of = (policies: RoutePolicies | undefined): P | undefined =>
      policies === undefined ? undefined : part(policies);
    if (table.routes.every(({ policy }) => of(policy) === undefined)) return optional(undefined);
    return perRoute(table, ({ name, policy }) => {
      const found = of(policy);
      return found === undefined ? undefined : make(found, { route: name });
    });
  }

  const budgetOf = ({ budget: settings }: NonNullable<RoutePolicies["retry"]>, route: string) =>
    kept.get(`retry budget, ${limitName(listener, route)}`, settings, () => budget(settings));

  return (
    new ServiceBuilder<OnRoute>()
      .layer(
        forRoutes(
          ({ authorize }) => authorize,
          (policy, labels) => authorizeOnRoute(policy, labels, context),
        ),
      )
      // What is refused has cost nothing.
      .layer(
        forRoutes(
          ({ rateLimit }) => rateLimit,
          (policy, labels) =>
            limitRate(policy, labels, limits.get(limitName(listener, labels.route)), context),
        ),
      )
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
        forRoutes(
          (policies) => (policies.timeout > 0 ? policies.timeout : undefined),
          (ms, labels) =>
            timeout({
              ms,
              startWhen: requestSent,
              observer: events.observer<TimeoutObserver>("timeout", ["timedOut"], { labels }),
            }),
        ),
      )
      .layer(
        forRoutes(
          ({ buffer }) => buffer,
          ({ capacity, maxWait }, labels) =>
            buffer({
              capacity,
              ...(maxWait !== undefined && { maxWaitMs: maxWait }),
              observer: events.observer<BufferObserver>("buffer", ["dropped"], { labels }),
            }),
        ),
      )
      .layer(
        forRoutes(
          ({ concurrencyLimit }) => concurrencyLimit,
          (policy, labels) => limitConcurrency(policy, labels, context),
        ),
      )
      // A call is copied once, whatever is tried.
      .layer(
        forRoutes(
          ({ mirror }) => mirror,
          ({ cluster, ratio, maxInFlight, timeout }, labels) =>
            mirror<HttpRequest & FromClient>({
              to: context.cluster(cluster),
              ratio,
              ...(maxInFlight !== undefined && { maxInFlight }),
              ...(timeout !== undefined && { timeoutMs: timeout }),
              observer: events.observer<MirrorObserver<HttpRequest & FromClient>>(
                "mirror",
                ["sent", "answered", "failed", "skipped"],
                { labels },
              ),
            }),
        ),
      )
      .layer(
        forRoutes(
          ({ retry, hedge }) => (retry === undefined && hedge === undefined ? undefined : { retry, hedge }),
          (policies, labels) =>
            repeating(policies, labels, context, policies.retry && budgetOf(policies.retry, labels.route)),
        ),
      )
      .layer(
        forRoutes(
          ({ fault }) => fault,
          (policy, labels) => faults(policy, labels, context),
        ),
      )
      .asLayer()
  );
}

/** Further tries, and second calls, out of one budget. */
function repeating(
  { retry: tries, hedge: second }: Pick<RoutePolicies, "retry" | "hedge">,
  labels: Labels,
  { events }: Tell,
  spent: ReturnType<typeof budget> | undefined,
) {
  const classifier = grpcClassifier();
  return new ServiceBuilder<HttpRequest>()
    .layer(replay(tries === undefined ? {} : { maxBytes: tries.maxBody }))
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
