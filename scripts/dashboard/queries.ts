// PromQL of the dashboard. `$job` and so on are its variables.

/** A selector for what the dashboard's variables select. */
const process = 'job=~"$job",instance=~"$instance"';
const listeners = `${process},listener=~"$listener"`;
const routes = `${listeners},route=~"$route"`;
const calls = `${routes},cluster=~"$cluster"`;
const clusters = `${process},cluster=~"$cluster"`;

/** What calls are grouped by. */
export const dimensions = ["listener", "route", "cluster"] as const;

export type Dimension = (typeof dimensions)[number];

const failed = 'status=~"5..|error"';

function rate(metric: string, selector: string): string {
  return `rate(${metric}{${selector}}[$__rate_interval])`;
}

function total(by: string, metric: string, selector: string): string {
  return `sum by (${by}) (${rate(metric, selector)})`;
}

/** Calls per second. */
export function callRate(by: string, selector: string = calls): string {
  return total(by, "http_requests_total", selector);
}

/** The share of calls that failed, 0 included. */
export function failedShare(by: Dimension): string {
  const all = callRate(by);
  return `(${callRate(by, `${calls},${failed}`)} or 0 * ${all}) / ${all}`;
}

/** A quantile of the duration of calls in seconds. */
export function duration(quantile: number, by?: Dimension): string {
  const labels = by === undefined ? "le" : `${by}, le`;
  return `histogram_quantile(${quantile}, ${total(labels, "http_request_duration_seconds_bucket", calls)})`;
}

/** Events per second that layers reported. */
export function events(by: string, layer: string, event: string): string {
  return total(by, "stack_events_total", `${process},layer=~"${layer}",event=~"${event}"`);
}

/** A quantile of how long layers waited for other services, in seconds. */
export function waiting(quantile: number, by: string, layer: string): string {
  const buckets = total(`${by}, le`, "stack_duration_seconds_bucket", `${process},layer="${layer}"`);
  return `histogram_quantile(${quantile}, ${buckets})`;
}

/** The state of layers of listeners and routes, or of clusters and endpoints. */
export function state(
  how: "sum" | "min" | "max",
  by: string,
  metric: string,
  of: "listeners" | "clusters",
  more: string = "",
): string {
  // Layers of a listener have no route.
  const selector = of === "listeners" ? listeners : clusters;
  return `${how} by (${by}) (stack_${metric}{${selector}${more}})`;
}

/** A metric of the proxy's processes. */
export function own(metric: string, more: string = ""): string {
  return `${metric}{${process}${more}}`;
}

/** The increase of a counter of the proxy per second. */
export function ownRate(by: string, metric: string, more: string = ""): string {
  return total(by, metric, `${process}${more}`);
}
