import { quantile } from "../recorder/figures.ts";
import { type Counts, Sums } from "./counts.ts";
import type { LiveFigures, LiveRates } from "./snapshot.ts";

/** Endpoints that are shown. */
const maxEndpoints = 500;

export interface Counted {
  readonly seconds: number;
  /** By listener, route, cluster and endpoint: failed, refused, and the calls in each bucket. */
  readonly calls: readonly Counts[];
  /** By listener, route, cluster and error: calls. */
  readonly errors: readonly Counts[];
  /** Upper bounds of the buckets, in seconds. */
  readonly bounds: readonly number[];
}

/** The number of calls of a row, and how long they took. */
export interface Durations {
  readonly calls: number;
  readonly p: (share: number) => number | null;
}

/** Reads the buckets of a row: see `CallRow`. */
export function durationsOf([, , ...buckets]: readonly number[], bounds: readonly number[]): Durations {
  let sum = 0;
  const counts = buckets.map((count) => (sum += count));
  return {
    calls: sum,
    p(share) {
      const ms = quantile({ bounds, counts }, share);
      return ms === undefined ? null : rounded(ms);
    },
  };
}

/** To two places after the point. */
export function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}

/** Rates, and the latencies of all workers together. */
export function ratesOf(counted: Counted): Omit<LiveFigures, "at" | "everyMs" | "sampleMs"> {
  const { seconds, bounds, calls, errors } = counted;
  const rates = (counts: readonly number[], query: Record<string, string>): LiveRates => {
    const [failed = 0, refused = 0] = counts;
    const durations = durationsOf(counts, bounds);
    const path = (reason: string): string =>
      `/requests?${new URLSearchParams({ ...query, reason }).toString()}`;
    return {
      perSecond: rounded(durations.calls / seconds),
      failedPerSecond: rounded(failed / seconds),
      refusedPerSecond: rounded(refused / seconds),
      p50Ms: durations.p(0.5),
      p99Ms: durations.p(0.99),
      p999Ms: durations.p(0.999),
      ...(failed > 0 && { failed: path("failed") }),
      ...(refused > 0 && { refused: path("refused") }),
    };
  };
  const by = (...words: readonly number[]): readonly Counts[] => {
    const sums = new Sums();
    for (const { key, counts } of calls)
      sums.add(
        words.map((at) => key[at] as string),
        counts,
      );
    return sums.rows;
  };
  const [total] = by();
  const endpoints = by(2, 3).filter(({ key: [, endpoint] }) => endpoint !== "none");
  return {
    seconds: rounded(seconds),
    slowestMs: (bounds.at(-1) ?? 0) * 1_000,
    total: rates(total?.counts ?? [], {}),
    listeners: by(0).map(({ key: [listener = ""], counts }) =>
      Object.assign({ listener }, rates(counts, { listener })),
    ),
    routes: by(0, 1).map(({ key: [listener = "", route = ""], counts }) =>
      Object.assign({ listener, route }, rates(counts, { listener, route })),
    ),
    clusters: by(2)
      .filter(({ key: [cluster] }) => cluster !== "none")
      .map(({ key: [cluster = ""], counts }) => Object.assign({ cluster }, rates(counts, { cluster }))),
    endpoints: endpoints
      .toSorted((one, other) => weightOf(other) - weightOf(one))
      .slice(0, maxEndpoints)
      .map(({ key: [cluster = "", endpoint = ""], counts }) =>
        Object.assign({ cluster, endpoint }, rates(counts, { cluster, endpoint })),
      ),
    endpointsLeft: Math.max(0, endpoints.length - maxEndpoints),
    errors: errors
      .map(({ key: [listener = "", route = "", cluster = "", error = ""], counts: [count = 0] }) => ({
        listener,
        route,
        cluster,
        error,
        perSecond: rounded(count / seconds),
      }))
      .toSorted((one, other) => other.perSecond - one.perSecond)
      .slice(0, maxEndpoints),
  };
}

/** Endpoints that failed or refused come first, then the busiest. */
function weightOf({ counts: [failed = 0, refused = 0, ...buckets] }: Counts): number {
  const calls = buckets.reduce((sum, count) => sum + count, 0);
  return failed + refused > 0 ? calls + 1e12 : calls;
}
