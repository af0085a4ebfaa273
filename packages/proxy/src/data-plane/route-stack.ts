import { anyReady, type Layer, type Service, ServiceBuilder } from "@pagoda/core";
import { grpcClassifier, grpcDeadline, type GrpcDeadlineObserver } from "@pagoda/grpc";
import type { FromClient, HttpRequest, HttpResponse, Identified } from "@pagoda/http";
import { perRoute, type Routed, type RouteTable } from "@pagoda/router";
import { placeName } from "../config/places.ts";
import type { RoutePolicies } from "../config/schema/policies.ts";
import { eventsOf, type SharedStores } from "../policies/policy.ts";
import type { PolicyRegistry } from "../policies/registry.ts";
import { observed } from "../policies/observed.ts";
import { policyLayer } from "../policies/stack.ts";
import type { States } from "../policies/states.ts";
import type { TimeAndChance } from "./system.ts";
import type { Telemetry } from "./telemetry.ts";

/** What the stacks of routes need besides their configuration. */
export interface RouteContext extends Telemetry, TimeAndChance {
  readonly listener: string;
  /** Creates the storage of limits that others share, by their place. */
  readonly sharedStore: ((place: string) => SharedStores) | undefined;
  readonly policies: PolicyRegistry;
  /** Files that the configuration refers to, by the paths in it. */
  readonly files: ReadonlyMap<string, string>;
  readonly states: States;
  /** Registers a function to run when the last call of this configuration has ended. */
  readonly atEnd: (run: () => void) => void;
  /** A cluster by name, for policies that call it and for its readiness. */
  readonly cluster: (name: string) => Service<HttpRequest & FromClient, HttpResponse, unknown>;
}

type Table = RouteTable<string, RoutePolicies>;
type OnRoute = HttpRequest & Identified & FromClient & Routed<string, RoutePolicies>;
type Clusters = ReadonlySet<ReturnType<RouteContext["cluster"]>>;

const deadlineEvents = eventsOf<GrpcDeadlineObserver>("grpc-deadline", ["exceeded"], {
  exceeded: ({ afterMs }) => `the client's deadline passed after ${Math.round(afterMs)} ms`,
});

/** The stack of each route in front of its clusters. */
export function routeLayers(table: Table, context: RouteContext) {
  return perRoute(table, (route) => {
    const clusters = new Set(table.selectedOf(route).map(({ cluster }) => context.cluster(cluster)));
    return routeLayer(route.name, route.policy as RoutePolicies, context, clusters);
  });
}

/**
 * From the outside in. All of it is one layer, so that a queued call waits for its own route, not
 * for any route.
 */
function routeLayer(route: string, settings: RoutePolicies, context: RouteContext, clusters: Clusters) {
  const { events, listener, policies, sharedStore, clock } = context;
  const place = placeName(listener, route);
  return (
    new ServiceBuilder<OnRoute>()
      // A gRPC client sends its own deadline, which covers all waiting.
      .layer(
        grpcDeadline({
          observer: observed({ metrics: events, labels: { listener }, clock }, deadlineEvents),
          clock,
        }),
      )
      .layer(
        policyLayer(policies, "route", settings, {
          ...context,
          place,
          labels: { listener, route },
          classifier: grpcClassifier({ clock }),
          sharedStore: sharedStore?.(place),
        }),
      )
      .layer(readyWith(clusters))
      .asLayer()
  );
}

/** The clusters of all routes are further in; the calls of one route wait for that route's only. */
function readyWith(clusters: Clusters): Layer<unknown> {
  const layer = <Req, Res, Err>(inner: Service<Req, Res, Err>): Service<Req, Res, Err> => ({
    ready: () => anyReady(clusters),
    call: (request, signal) => inner.call(request, signal),
    describe: () => inner.describe(),
  });
  return layer as Layer<unknown>;
}
