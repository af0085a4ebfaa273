import { type CallNotes, trailOf } from "@pagoda/http";
import type { RequestQuery } from "./call-record.ts";
import type { Recorded } from "./record.ts";

/** Whether a call meets all conditions of a query, except for its reason. */
export function matches(call: Recorded, query: RequestQuery): boolean {
  const { id, listener, route, cluster, status, endpoint, since } = query;
  return (
    (id === undefined || call.id === id || call.traceId === id) &&
    (listener === undefined || call.listener === listener) &&
    (route === undefined || isNamed(call.route, route)) &&
    (cluster === undefined || isNamed(call.cluster, cluster)) &&
    (status === undefined || hasStatus(call.status, status)) &&
    (endpoint === undefined || wasAt(call, endpoint)) &&
    (since === undefined || call.endedMs >= since)
  );
}

/** @param wanted A name; `none` as in the metrics: there is none. */
export function isNamed(name: string | undefined, wanted: string): boolean {
  return name === wanted || (name === undefined && wanted === "none");
}

/** @param wanted `503`, or `5xx`. */
export function hasStatus(status: number | undefined, wanted: string): boolean {
  if (status === undefined) return false;
  return /^\dxx$/.test(wanted) ? String(status)[0] === wanted[0] : String(status) === wanted;
}

/** The origins of the tries of a call. */
export function triesOf(notes: CallNotes): readonly string[] {
  return trailOf(notes).flatMap((entry) => (entry.kind === "try" ? [entry.upstream] : []));
}

function wasAt({ upstream, trail }: Recorded, endpoint: string): boolean {
  return upstream === endpoint || trail.some((entry) => entry.kind === "try" && entry.upstream === endpoint);
}
