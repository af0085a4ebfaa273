import type { LiveCluster, LiveFigures, LiveRates, LiveStack } from "../../src/live/snapshot.ts";
import type { Place } from "./place.ts";

export type Filter = Pick<Place, "q" | "failing" | "listener" | "cluster">;

/** Rows that are found without a filter. */
const fewRows = 12;

/** Whether there is something to choose from, or a filter to take back. */
export function needsFilters(
  stack: LiveStack | undefined,
  clusters: readonly LiveCluster[] | undefined,
  { q, failing, listener, cluster }: Filter,
): boolean {
  if (failing || [q, listener, cluster].some((each) => each !== "")) return true;
  if (stack === undefined) return false;
  const rows =
    stack.listeners.reduce((sum, { routes }) => sum + routes.length, 0) +
    (clusters ?? []).reduce((sum, { endpoints }) => sum + endpoints, 0);
  return stack.listeners.length > 1 || stack.clusters.length > 1 || rows > fewRows;
}

/** Rows of a table that are drawn; a filter finds the others. */
const maxShown = 100;

export interface Cut<Row> {
  readonly shown: readonly Row[];
  readonly left: number;
}

export function cut<Row>(rows: readonly Row[], max: number = maxShown): Cut<Row> {
  return { shown: rows.slice(0, max), left: Math.max(0, rows.length - max) };
}

export interface RouteRow {
  readonly listener: string;
  readonly route: string;
  readonly match: readonly string[];
  readonly clusters: readonly { readonly cluster: string; readonly share: number }[];
  readonly answer: string | null;
  readonly policies: LiveStack["listeners"][number]["policies"];
  readonly rates: LiveRates | undefined;
}

/** The routes of a listener that the filter lets through, with `none` for calls that no route took. */
export function routeRows(
  listener: LiveStack["listeners"][number],
  figures: LiveFigures | undefined,
  filter: Filter,
): readonly RouteRow[] {
  if (filter.listener !== "" && filter.listener !== listener.listener) return [];
  const ratesOf = (route: string): LiveRates | undefined =>
    figures?.routes.find((each) => each.listener === listener.listener && each.route === route);
  const unrouted = ratesOf("none");
  const all: RouteRow[] = listener.routes.map((route) => ({
    ...route,
    listener: listener.listener,
    rates: ratesOf(route.route),
  }));
  if (unrouted !== undefined && !listener.routes.some(({ route }) => route === "none"))
    all.push({
      listener: listener.listener,
      route: "none",
      match: ["no route matched"],
      clusters: [],
      answer: null,
      policies: [],
      rates: unrouted,
    });
  return all.filter(
    ({ route, match, clusters, rates }) =>
      (filter.cluster === "" || clusters.some(({ cluster }) => cluster === filter.cluster)) &&
      (!filter.failing || isFailing(rates)) &&
      holds(filter.q, [listener.listener, route, ...match, ...clusters.map(({ cluster }) => cluster)]),
  );
}

/** Whether the filter lets a cluster through: by its own name, or for one of the endpoints that are shown. */
export function showsCluster(
  { cluster, endpoints, healthy, reason, shown }: LiveCluster,
  figures: LiveFigures | undefined,
  filter: Filter,
  stack: LiveStack | undefined,
): boolean {
  if (filter.cluster !== "" && filter.cluster !== cluster) return false;
  if (filter.listener !== "" && !clustersOf(stack, filter.listener).has(cluster)) return false;
  const rates = figures?.clusters.find((each) => each.cluster === cluster);
  const isWrong = reason !== null || healthy < endpoints || shown.some(({ troubles }) => troubles.length > 0);
  if (filter.failing && !isWrong && !isFailing(rates)) return false;
  return holds(filter.q, [cluster, ...shown.map(({ endpoint }) => endpoint)]);
}

/** The clusters to which the routes of a listener lead. */
function clustersOf(stack: LiveStack | undefined, listener: string): ReadonlySet<string> {
  const routes = stack?.listeners.find((each) => each.listener === listener)?.routes ?? [];
  return new Set(routes.flatMap(({ clusters }) => clusters.map(({ cluster }) => cluster)));
}

export function isFailing(rates: LiveRates | undefined): boolean {
  return rates !== undefined && (rates.failedPerSecond > 0 || rates.refusedPerSecond > 0);
}

/** Whether one of the texts contains what was typed, whatever its case. */
export function holds(q: string, texts: readonly string[]): boolean {
  const wanted = q.trim().toLowerCase();
  return wanted === "" || texts.some((text) => text.toLowerCase().includes(wanted));
}
