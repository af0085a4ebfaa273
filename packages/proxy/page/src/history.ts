import type { LiveHistory, LivePoint, LiveSeries } from "../../src/live/snapshot.ts";

type Identity = Pick<LiveSeries, "listener" | "route" | "cluster">;

/** Adds a step to all series: those that are not in it had no calls. */
export function extended(history: LiveHistory, { end, series: points }: LivePoint): LiveHistory {
  const { stepMs, steps } = history;
  // Steps that were missed would shift all others.
  const missed = Math.min(steps, Math.max(0, Math.round((end - history.end) / stepMs) - 1));
  const gap = Array.from({ length: missed }, () => 0);
  const grown = <T>(values: readonly T[], empty: T, value: T): T[] =>
    [...values, ...gap.map(() => empty), value].slice(-steps);
  const byKey = new Map(points.map((point) => [keyOf(point), point]));
  const known = history.series.map((series): LiveSeries => {
    const point = byKey.get(keyOf(series));
    byKey.delete(keyOf(series));
    return {
      ...series,
      perSecond: grown(series.perSecond, 0, point?.perSecond ?? 0),
      failedPerSecond: grown(series.failedPerSecond, 0, point?.failedPerSecond ?? 0),
      p99Ms: grown(series.p99Ms, null, point?.p99Ms ?? null),
    };
  });
  const others = Array.from(byKey.values(), (point): LiveSeries => ({
    ...point,
    perSecond: [point.perSecond],
    failedPerSecond: [point.failedPerSecond],
    p99Ms: [point.p99Ms],
  }));
  return { ...history, end, series: [...known, ...others] };
}

export function seriesOf(
  history: LiveHistory | undefined,
  { listener = null, route = null, cluster = null }: Partial<Identity>,
): LiveSeries | undefined {
  return history?.series.find(
    (each) => each.listener === listener && each.route === route && each.cluster === cluster,
  );
}

function keyOf({ listener, route, cluster }: Identity): string {
  return JSON.stringify([listener, route, cluster]);
}

/** All routes together, with the p99 of the slowest. */
export function totalOf({ series, steps }: LiveHistory): LiveSeries {
  const routes = series.filter(({ route }) => route !== null);
  const longest = Math.min(steps, Math.max(0, ...routes.map(({ perSecond }) => perSecond.length)));
  // Series end together, and begin when their route did.
  const at = <T>(values: readonly T[], n: number): T | undefined => values[values.length - longest + n];
  const sum = (values: readonly (readonly number[])[]): number[] =>
    Array.from({ length: longest }, (_, n) => values.reduce((all, each) => all + (at(each, n) ?? 0), 0));
  return {
    listener: null,
    route: null,
    cluster: null,
    perSecond: sum(routes.map((one) => one.perSecond)),
    failedPerSecond: sum(routes.map((one) => one.failedPerSecond)),
    p99Ms: Array.from({ length: longest }, (_, n) => highest(routes.map((one) => at(one.p99Ms, n) ?? null))),
  };
}

/** How many of the steps are known: the length of the longest series. */
export function knownSteps({ series }: Pick<LiveHistory, "series">): number {
  return Math.max(0, ...series.map(({ perSecond }) => perSecond.length));
}

/** The highest of the values that are known. */
export function highest(values: readonly (number | null)[]): number | null {
  return values.reduce(
    (most, value) => (value === null || (most !== null && most >= value) ? most : value),
    null,
  );
}
