import type { ClusterStatus, MetricData } from "../data-plane/types.ts";
import type { Figures, FiguresRow } from "../recorder/call-record.ts";

const metric = "http_request_duration_seconds";

interface Sums {
  requests: number;
  errors: number;
  readonly buckets: Map<number, number>;
}

/**
 * Sums the request metrics of all workers by route and endpoint. Histograms with the same buckets add up.
 *
 * @param clusters Those of all workers together.
 */
export function figuresOf(
  processes: readonly (readonly MetricData[])[],
  clusters: readonly ClusterStatus[],
  time: number,
): Figures {
  const all = new Map<string, Sums>();
  for (const metrics of processes)
    for (const { name, values } of metrics) if (name === metric) for (const each of values) add(all, each);
  const rows = Array.from(all, ([key, { requests, errors, buckets }]): FiguresRow => {
    const [listener, route, cluster, endpoint] = JSON.parse(key) as [string, string, string, string];
    const rising = Array.from(buckets).toSorted(([one], [other]) => one - other);
    return {
      listener,
      route,
      cluster,
      endpoint,
      requests,
      errors,
      bounds: rising.map(([bound]) => bound).filter((bound) => bound < Infinity),
      counts: rising.map(([, count]) => count),
    };
  });
  const endpoints = clusters.flatMap(({ cluster, endpoints }) =>
    endpoints.flatMap(({ endpoint, calls }) => {
      const failed = calls.failed + calls.timedOut;
      return failed > 0 ? [{ cluster, endpoint, failed }] : [];
    }),
  );
  return { time, rows, endpoints };
}

function add(all: Map<string, Sums>, { labels, value, metricName }: MetricData["values"][number]): void {
  const { listener = "", route = "", cluster = "", upstream = "", status = "", le } = labels;
  const key = JSON.stringify([listener, route, cluster, upstream]);
  let sums = all.get(key);
  if (sums === undefined) all.set(key, (sums = { requests: 0, errors: 0, buckets: new Map() }));
  if (metricName === `${metric}_bucket`) {
    const bound = le === "+Inf" ? Infinity : Number(le);
    sums.buckets.set(bound, (sums.buckets.get(bound) ?? 0) + value);
  } else if (metricName === `${metric}_count`) {
    sums.requests += value;
    if (isError(String(status), labels["grpc_status"])) sums.errors += value;
  }
}

/** UNKNOWN, DEADLINE_EXCEEDED, INTERNAL, UNAVAILABLE, DATA_LOSS, and no status at all. */
const grpcErrors: ReadonlySet<string> = new Set(["2", "4", "13", "14", "15", "none"]);

function isError(status: string, grpcStatus: string | number | undefined): boolean {
  return status === "error" || status.startsWith("5") || grpcErrors.has(String(grpcStatus));
}
