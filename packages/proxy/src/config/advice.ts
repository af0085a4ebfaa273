import type { Path } from "../schema/report.ts";
import { isName } from "./address.ts";
import type { ConfigDocument, Problem } from "./document.ts";
import { targetsOf } from "./routes.ts";
import type { ClusterConfig } from "./schema/cluster.ts";
import type { Config, ListenerConfig } from "./schema/config.ts";

/** Where each advice is explained; its anchor is the name of the advice. */
export const adviceGuide = "https://github.com/pagoda-ts/pagoda/blob/main/docs/guides/check-warnings.md";

/** The headings of the guide. */
type Topic =
  | "retries-without-a-budget"
  | "a-breaker-without-a-time-limit"
  | "a-host-name-as-an-endpoint"
  | "a-cluster-that-no-route-uses"
  | "a-store-that-no-limit-uses"
  | "a-route-that-can-never-match";

/**
 * A message with a link to its explanation.
 *
 * @param isOfKey Whether it is placed at the name of a field instead of its value.
 */
export function adviceProblem(
  document: ConfigDocument,
  path: Path,
  topic: Topic,
  message: string,
  isOfKey: boolean = false,
): Problem {
  return document.problem(path, `${message}; see ${adviceGuide}#${topic}`, isOfKey);
}

/** Above this share of retries, a budget no longer protects a failing origin. */
const mostRetries = 0.5;

/** Settings that are valid and work, but fail when the origins do. */
export function advice(document: ConfigDocument, { listeners, clusters }: Config): readonly Problem[] {
  const given: Problem[] = [];
  const advise: Advise = (path, topic, message) => given.push(adviceProblem(document, path, topic, message));
  listeners.forEach((listener, at) => adviseOnRetries(["listeners", at], listener, advise));
  const unlimited = routesWithoutTimeout(listeners);
  for (const [name, cluster] of Object.entries(clusters)) {
    adviseOnNames(["clusters", name, "endpoints"], cluster, advise);
    adviseOnBreaker(["clusters", name], cluster, unlimited.get(name), advise);
  }
  return given;
}

type Advise = (path: Path, topic: Topic, message: string) => void;

function adviseOnRetries(path: Path, { routes }: ListenerConfig, advise: Advise): void {
  routes.forEach(({ policies: { retry } }, n) => {
    if (retry === undefined || retry.attempts === 1 || retry.budget.ratio <= mostRetries) return;
    const percent = `${Math.round(retry.budget.ratio * 100)}%`;
    advise(
      [...path, "routes", n, "policies", "retry", "budget", "ratio"],
      "retries-without-a-budget",
      `adds ${percent} to the load of an origin that is failing; 20% is usual`,
    );
  });
}

function adviseOnNames(path: Path, { endpoints = [] }: ClusterConfig, advise: Advise): void {
  endpoints.forEach((endpoint, n) => {
    const { hostname } = new URL(typeof endpoint === "string" ? endpoint : endpoint.url);
    if (!isName(hostname)) return;
    advise(
      [...path, n],
      "a-host-name-as-an-endpoint",
      `${hostname} is resolved only when a connection is opened, and is one endpoint whatever its addresses; use dns to balance over them`,
    );
  });
}

function adviseOnBreaker(
  path: Path,
  { policies: { circuitBreaker, timeout = 0 }, outliers }: ClusterConfig,
  route: string | undefined,
  advise: Advise,
): void {
  if (route === undefined || timeout > 0) return;
  if (circuitBreaker === undefined && outliers === undefined) return;
  const [at, what] =
    circuitBreaker === undefined
      ? [[...path, "outliers"], "no ejection"]
      : [[...path, "policies", "circuitBreaker"], "no open circuit"];
  advise(
    at,
    "a-breaker-without-a-time-limit",
    `route ${route} has no timeout, so an endpoint that hangs causes ${what}`,
  );
}

/** For each cluster, a route to it without a timeout. */
function routesWithoutTimeout(listeners: readonly ListenerConfig[]): ReadonlyMap<string, string> {
  const unlimited = new Map<string, string>();
  for (const { routes } of listeners) {
    for (const route of routes) {
      if (route.policies.timeout !== 0) continue;
      for (const each of targetsOf(route)) unlimited.set(each, route.name);
    }
  }
  return unlimited;
}
