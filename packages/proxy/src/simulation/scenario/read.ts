import { type Either, left, right } from "@pagoda/core";
import type { HttpRequest } from "@pagoda/http";
import { routeTable } from "@pagoda/router";
import { clustersOf } from "../../config/check-policies.ts";
import { ConfigDocument, nearest, type Problem } from "../../config/document.ts";
import { listenerName } from "../../config/names.ts";
import { inOrder, problemsOf } from "../../config/read.ts";
import { targetsOf, toPathOptions, toRoute } from "../../config/routes.ts";
import type { ClusterConfig } from "../../config/schema/cluster.ts";
import type { Config, ListenerConfig } from "../../config/schema/config.ts";
import type { RouteConfig } from "../../config/schema/route.ts";
import type { PolicyRegistry } from "../../policies/registry.ts";
import type { Path } from "../../schema/report.ts";
import { requestOf } from "./request-of.ts";
import { type Load, type Scenario, scenarioSchema } from "./schema.ts";

/** A scenario for a configuration. */
export interface ReadScenario {
  readonly scenario: Scenario;
  /** What each load requests, and where. */
  readonly loads: readonly {
    readonly load: Load;
    readonly listener: string;
    readonly request: HttpRequest;
  }[];
}

type Report = (path: Path, message: string) => void;

/** Reads a scenario. `Left` lists every problem with its position, also what the configuration lacks. */
export function readScenario(
  text: string,
  config: Config,
  policies: PolicyRegistry,
): Either<readonly Problem[], ReadScenario> {
  const document = new ConfigDocument(text);
  if (document.problems.length > 0) return left(document.problems);
  const parsed = scenarioSchema.safeParse(document.value ?? {});
  if (!parsed.success)
    return left(inOrder(parsed.error.issues.flatMap((issue) => problemsOf(document, issue, scenarioSchema))));
  const problems: Problem[] = [];
  const report: Report = (path, message) => problems.push(document.problem(path, message));
  const scenario = parsed.data;
  const loads = scenario.load.flatMap((load, at) => {
    const found = routeOf(load, config, (path, message) => report(["load", at, ...path], message));
    return found === undefined ? [] : [found];
  });
  const called = new Map(
    loads.flatMap(({ load, listener, route }) =>
      calledBy(listener, route, policies).map((cluster) => [cluster, load.route] as const),
    ),
  );
  checkOrigins(scenario, config, called, report);
  checkEvents(scenario, config, report);
  if (problems.length > 0) return left(inOrder(problems));
  return right({
    scenario,
    loads: loads.map(({ load, listener, request }) => ({ load, listener: listenerName(listener), request })),
  });
}

interface FoundRoute {
  readonly load: Load;
  readonly listener: ListenerConfig;
  readonly route: RouteConfig;
  readonly request: HttpRequest;
}

function routeOf(load: Load, { listeners }: Config, report: Report): FoundRoute | undefined {
  const named = listeners.filter(
    (each) => load.listener === undefined || listenerName(each) === load.listener,
  );
  if (named.length === 0) {
    report(["listener"], unknown("listener", load.listener ?? "", listeners.map(listenerName)));
    return undefined;
  }
  const found = named.flatMap((listener) =>
    listener.routes.filter(({ name }) => name === load.route).map((route) => ({ listener, route })),
  );
  const [only, another] = found;
  if (only === undefined) {
    const names = named.flatMap(({ routes }) => routes.map(({ name }) => name));
    report(["route"], unknown("route", load.route, names));
    return undefined;
  }
  if (another !== undefined) {
    const names = found.map(({ listener }) => listenerName(listener)).join(", ");
    report(["route"], `several listeners have a route ${load.route}; set listener to one of ${names}`);
    return undefined;
  }
  const { listener, route } = only;
  const request = requestOf(load, route, listener);
  const taken = routeTable(listener.routes.map(toRoute), toPathOptions(listener)).find(request)?.route.name;
  if (taken !== route.name) {
    const { method, scheme, authority, path, query } = request;
    const instead = taken === undefined ? "no route" : `route ${taken}`;
    report(
      ["route"],
      `a request for ${method} ${scheme}://${authority}${path}${query} takes ${instead}; set method, path, host or headers so that it takes ${route.name}`,
    );
    return undefined;
  }
  return { load, listener, route, request };
}

/** The clusters that calls of a route may go to, also those that policies call. */
function calledBy(listener: ListenerConfig, route: RouteConfig, policies: PolicyRegistry): readonly string[] {
  return [
    ...targetsOf(route),
    ...clustersOf(policies.route, route.policies).map(([, cluster]) => cluster),
    ...clustersOf(policies.listener, listener.policies).map(([, cluster]) => cluster),
  ];
}

/** @param called The clusters that are called, with the route for which. */
function checkOrigins(
  { origins }: Scenario,
  { clusters }: Config,
  called: ReadonlyMap<string, string>,
  report: Report,
): void {
  for (const [cluster, { endpoints }] of Object.entries(origins)) {
    const config = clusters[cluster];
    if (config === undefined)
      report(["origins", cluster], unknown("cluster", cluster, Object.keys(clusters)));
    else if (endpoints !== undefined && config.endpoints !== undefined)
      report(
        ["origins", cluster, "endpoints"],
        `must be absent: the cluster lists its ${config.endpoints.length} endpoints`,
      );
    else if (endpoints === undefined && config.endpoints === undefined)
      report(["origins", cluster], "must have endpoints: how many the cluster discovers");
  }
  for (const [cluster, route] of called)
    if (origins[cluster] === undefined)
      report(["origins"], `must have ${cluster}, which requests of route ${route} may call`);
}

function checkEvents({ events, origins }: Scenario, { clusters }: Config, report: Report): void {
  events.forEach(({ origin }, at) => {
    const several = Array.isArray(origin);
    for (const [n, { cluster, to }] of (several ? origin : [origin]).entries()) {
      const path = ["events", at, "origin", ...(several ? [n] : [])];
      const config = clusters[cluster];
      if (config === undefined) report(path, unknown("cluster", cluster, Object.keys(clusters)));
      else if (to !== undefined && to >= endpointCount(config, origins[cluster]))
        report(
          path,
          `must be an endpoint from 0 to ${endpointCount(config, origins[cluster]) - 1} (got ${to})`,
        );
    }
  });
}

/** How many endpoints a cluster has in a simulation. */
export function endpointCount(
  { endpoints }: Pick<ClusterConfig, "endpoints">,
  origin: { readonly endpoints?: number | undefined } | undefined,
): number {
  return endpoints?.length ?? origin?.endpoints ?? 1;
}

function unknown(what: string, name: string, names: readonly string[]): string {
  const meant = nearest(name, names);
  return `unknown ${what} ${name}; ${meant === undefined ? `there are ${names.join(", ")}` : `did you mean ${meant}?`}`;
}
