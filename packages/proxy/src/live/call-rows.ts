import type { CountedCalls } from "@pagoda/metrics";
import type { Noted } from "../recorder/call-counts.ts";
import type { CallRow, ErrorRow, SampleDetail } from "./sample.ts";

/** Sums what has been counted by place. */
export function callRows(
  { series, buckets }: Pick<CountedCalls, "series" | "buckets">,
  noted: Iterable<Noted>,
  detail: SampleDetail,
): CallRow[] {
  const rows = new Map<string, [string, string, string, string, number, number, ...number[]]>();
  const hasEndpoints = detail === "all";
  const rowOf = (listener: string, route: string, cluster: string, upstream: string) => {
    const endpoint = hasEndpoints ? upstream : "";
    // Not JSON, which would take longer than all the rest: none of these contains a line break.
    const key = `${listener}\n${route}\n${cluster}\n${endpoint}`;
    let row = rows.get(key);
    if (row === undefined)
      rows.set(key, (row = [listener, route, cluster, endpoint, 0, 0, ...zeros(buckets.length + 1)]));
    return row;
  };
  for (const { labels, counts } of series) {
    const { listener = "", route = "", cluster = "", upstream = "" } = labels;
    const row = rowOf(listener, route, cluster, upstream);
    for (let at = 0; at < counts.length; at++) (row[at + 6] as number) += counts[at] as number;
  }
  for (const { listener, route, cluster, endpoint, failed, refused } of noted) {
    const row = rowOf(listener, route, cluster, endpoint);
    row[4] += failed;
    row[5] += refused;
  }
  return [...rows.values()];
}

function zeros(count: number): number[] {
  return Array.from({ length: count }, () => 0);
}

export function errorRows({ errors }: Pick<CountedCalls, "errors">): ErrorRow[] {
  return errors.map(({ labels, count }) => {
    const { listener = "", route = "", cluster = "", reason = "" } = labels;
    return [listener, route, cluster, reason, count];
  });
}
