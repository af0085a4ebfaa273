import type { FromClient, HttpRequest, HttpResponse, Identified } from "@pagoda/http";
import { accessLog } from "@pagoda/access-log";
import { NetworkSet, optional, type Service, ServiceBuilder } from "@pagoda/core";
import { forwarded, maxForwards } from "@pagoda/forwarded";
import { grpcAnswers, grpcClassifier } from "@pagoda/grpc";
import { respond } from "@pagoda/respond";
import { clusters, normalPaths, router, routeTable } from "@pagoda/router";
import { listenerName } from "../config/names.ts";
import { placeName } from "../config/places.ts";
import { toTableOptions, toRoute } from "../config/routes.ts";
import type { Config, ListenerConfig } from "../config/schema/config.ts";
import { answersBy, grpcStatusesBy } from "../policies/answers.ts";
import { configured, policyLayer } from "../policies/stack.ts";
import type { ClusterService } from "./cluster.ts";
import { listenerCors } from "./listener-cors.ts";
import { type RouteContext, routeLayers } from "./route-stack.ts";
import type { Recorder } from "../recorder/recorder.ts";
import type { Tracing } from "./tracing.ts";

/** What the stack of a listener needs besides its configuration. */
export interface ListenerContext extends Omit<RouteContext, "listener" | "cluster"> {
  readonly clusters: Readonly<Record<string, ClusterService>>;
  readonly logging: Config["log"];
  readonly recorder: Recorder;
  /** Creates a span for each call; undefined without `tracing` in the configuration. */
  readonly tracing: Tracing | undefined;
}

/**
 * The stack of a listener, from the outside in. With a layer missing here, or an error unanswered,
 * the code that serves the stack does not compile.
 */
export function listenerStack(
  listener: ListenerConfig,
  context: ListenerContext,
): Service<HttpRequest, HttpResponse> {
  const { trustedProxies = [], routes } = listener;
  const name = listenerName(listener);
  const { logging, log, policies, recorder, sharedStore, tracing, clock, random } = context;
  const cluster = (called: string): ClusterService => context.clusters[called] as ClusterService;
  const place = {
    ...context,
    place: placeName(name),
    labels: { listener: name },
    classifier: grpcClassifier({ clock }),
    sharedStore: sharedStore?.(placeName(name)),
    cluster,
  };
  const trusted = new NetworkSet(trustedProxies);
  // Without trusted proxies the address need not be parsed.
  const trust = (address: string): boolean => trustedProxies.length > 0 && trusted.has(address);
  const table = routeTable(routes.map(toRoute), toTableOptions(listener));
  const hasPolicies = configured(policies.listener, listener.policies).length > 0;
  return (
    new ServiceBuilder<HttpRequest>()
      // Outermost: everything that answers, counts or logs further in needs the request's id and
      // the client.
      .layer(forwarded({ trust, via: listener.via }))
      .layer(optional(tracing?.serverSpan({ tracer: tracing.tracer, trust })))
      // Outside `respond`: these see every response, including those made from errors.
      .layer(
        optional(
          logging.access
            ? accessLog<HttpRequest & Identified & FromClient>({
                logger: log.child({ listener: name }),
                ratio: logging.accessRatio,
                clock,
                random,
              })
            : undefined,
        ),
      )
      .layer(context.calls.labelled({ listener: name }, recorder.observer(name, table)))
      // Outside `respond`: scripts can read errors, too.
      .layer(optional(listenerCors(listener, table)))
      .layer(grpcAnswers(grpcStatusesBy(policies)))
      // Outside everything that can fail.
      .layer(respond(answersBy(policies), { format: listener.errors }))
      // Policies decide about the path that is sent.
      .layer(optional(hasPolicies ? normalPaths(table.pathOptions) : undefined))
      .layer(policyLayer(policies, "listener", listener.policies, place))
      // Inside everything that may refuse the client, and counts and logs.
      .layer(maxForwards())
      .layer(router(table, { random }))
      .layer(
        routeLayers(table, {
          ...context,
          listener: name,
          cluster,
        }),
      )
      .service(clusters(context.clusters, table))
  );
}
