import { anyReady, type Layer, type Service, ServiceBuilder } from "@pagoda/core";
import { grpcClassifier, grpcDeadline, type GrpcDeadlineObserver } from "@pagoda/grpc";
import type { FromClient, HttpRequest, HttpResponse } from "@pagoda/http";
import type { Rates, Store } from "@pagoda/rate-limit";
import { perRoute, type Routed, type RouteTable } from "@pagoda/router";
import { placeName } from "../config/places.ts";
import type { RoutePolicies } from "../config/schema/policies.ts";
import { policies } from "../policies/index.ts";
import { policyLayer } from "../policies/stack.ts";
import type { States } from "../policies/states.ts";
import type { Telemetry } from "./telemetry.ts";

/** What the stacks of routes need beside their configuration. */
export interface RouteContext extends Telemetry {
  readonly listener: string;
  /** Makes what keeps a limit that all workers share, by its place; `undefined`: this worker is alone. */
  readonly sharedStore: ((place: string) => (maxKeys: number) => (rates: Rates) => Store) | undefined;
  readonly states: States;
  /** Registers what runs when the last call of this configuration has ended. */
  readonly atEnd: (run: () => void) => void;
  /** A cluster, for copies of calls, and to know whether it is ready. */
  readonly cluster: (name: string) => Service<HttpRequest & FromClient, HttpResponse, unknown>;
}

type Table = RouteTable<string, RoutePolicies>;
type OnRoute = HttpRequest & FromClient & Routed<string, RoutePolicies>;
type Clusters = ReadonlySet<ReturnType<RouteContext["cluster"]>>;

/** What is done with the calls of each route before they go to a cluster. */
export function routeLayers(table: Table, context: RouteContext) {
  return perRoute(table, (route) => {
    const clusters = new Set(table.selectedOf(route).map(({ cluster }) => context.cluster(cluster)));
    return routeLayer(route.name, route.policy as RoutePolicies, context, clusters);
  });
}

/** From the outside in. It is one layer, so that who waits in it waits for this route, and not for any of them. */
function routeLayer(route: string, settings: RoutePolicies, context: RouteContext, clusters: Clusters) {
  const { events, listener, sharedStore } = context;
  const place = placeName(listener, route);
  return (
    new ServiceBuilder<OnRoute>()
      // A client of gRPC says itself how long it waits, whatever it waits for.
      .layer(
        grpcDeadline({
          observer: events.observer<GrpcDeadlineObserver>("grpc-deadline", ["exceeded"], {
            labels: { listener },
          }),
        }),
      )
      .layer(
        policyLayer(policies.route, settings, {
          ...context,
          place,
          labels: { route },
          classifier: grpcClassifier(),
          sharedStore: sharedStore?.(place),
        }),
      )
      .layer(readyWith(clusters))
      .asLayer()
  );
}

/** Further in are the clusters of all routes; those of one route are what its calls wait for. */
function readyWith(clusters: Clusters): Layer<unknown> {
  const layer = <Req, Res, Err>(inner: Service<Req, Res, Err>): Service<Req, Res, Err> => ({
    ready: () => anyReady(clusters),
    call: (request, signal) => inner.call(request, signal),
    describe: () => inner.describe(),
  });
  return layer as Layer<unknown>;
}
