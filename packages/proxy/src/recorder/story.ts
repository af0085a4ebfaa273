import { lostTexts } from "../config/route-texts.ts";
import type {
  CallRecord,
  RecordedEndpoints,
  RecordedEntry,
  RecordedEvent,
  RecordedFault,
  RecordedRoute,
} from "./call-record.ts";
import { faultText, plainFault } from "./fault-text.ts";
import { hintsFor } from "./hints.ts";
import { spanText } from "../policies/span-text.ts";

/** A line for each call: when, what, how it ended, and why. */
export function listed(calls: readonly CallRecord[]): string {
  if (calls.length === 0) return "no requests are kept that match";
  return calls.map((call) => `${call.time}  ${call.id}  ${headline(call)}: ${verdict(call)}`).join("\n");
}

/**
 * What happened to a call, for an operator. The live page shows the same from the parts below.
 *
 * @param nowMs Milliseconds since 1970.
 */
export function story(call: CallRecord, nowMs: number): string {
  const { endpoints, cluster, headers } = call;
  const lines = [
    `${agoText(endOf(call), nowMs)}: ${headline(call)}: ${verdict(call)}`,
    "",
    ...about(call),
    "",
    ...stepsOf(call).map(({ atMs, text }) => `${ms(atMs).padStart(10)}  ${text}`),
  ];
  for (const [of, fields] of Object.entries(headers ?? {}))
    for (const [name, values] of Object.entries(fields)) lines.push(`  ${of} ${name}: ${values.join(", ")}`);
  if (endpoints !== undefined && cluster !== undefined) lines.push("", ...endpointLines(cluster, endpoints));
  const hints = hintsFor(call);
  if (hints.length > 0) lines.push("", ...hints);
  return lines.join("\n");
}

/** Which call it was: ids; when, where and whose. */
export function about(call: CallRecord): readonly string[] {
  const { id, time, worker, listener, client, identity, user, traceId } = call;
  const who = [
    client === undefined ? undefined : `client ${client}`,
    identity,
    user === undefined ? undefined : `user ${user}`,
  ].filter((each) => each !== undefined);
  return [
    `request ${id}${traceId === undefined ? "" : `, trace ${traceId}`}`,
    `${time}, listener ${listener}, worker ${worker}${who.length === 0 ? "" : `, ${who.join(", ")}`}`,
  ];
}

/** A step of a call, with the milliseconds since its start. */
export interface Step {
  readonly atMs: number;
  readonly text: string;
}

/** What happened, in order. */
export function stepsOf(call: CallRecord): readonly Step[] {
  return [
    ...(call.route === undefined ? [] : [{ atMs: 0, text: routeText(call.route, call.cluster) }]),
    ...call.trail.map((entry, n) => ({ atMs: entry.atMs, text: entryText(entry, call, n) })),
    ...(call.reason === "unread" ? [] : [{ atMs: call.durationMs, text: endText(call) }]),
  ];
}

function endpointLines(cluster: string, { total, shown }: RecordedEndpoints): readonly string[] {
  const left = total - shown.length;
  return [
    `endpoints of ${cluster} when it ended:`,
    ...shown.map(({ endpoint, reason, succeeded, failed, timedOut, forMs }) => {
      const late = timedOut === 0 ? "" : `, ${timedOut} timed out`;
      const calls = `${succeeded} calls succeeded, ${failed} failed${late}`;
      const back = forMs === undefined ? "" : `; takes calls again in ${spanText(forMs)}`;
      return `  ${endpoint}  ${calls}${reason === undefined ? "" : `; ${reason}`}${back}`;
    }),
    ...(left > 0 ? [`  and ${left} more`] : []),
  ];
}

/** `GET shop.example/cart → 503 in 12 ms`. */
export function headline(call: CallRecord): string {
  const { method, authority, path, status, durationMs, grpcStatus, client = "an unknown client" } = call;
  if (call.reason === "unread")
    return status === undefined
      ? `TLS handshake of ${client} → no response`
      : `unread request of ${client} → ${status}`;
  const grpc = grpcStatus === undefined ? "" : ` (grpc-status ${grpcStatus < 0 ? "missing" : grpcStatus})`;
  return `${method} ${authority}${path} → ${status ?? "no response"}${grpc} in ${ms(durationMs)}`;
}

/** Who is to blame, in a few words. */
export function verdict(call: CallRecord): string {
  const { fault, reason, status, upstream = "the origin", ending, cutOff, trail } = call;
  if (reason === "unread") return `refused before any policy: ${fault?.cause ?? ""}`;
  if (ending === "cutOff") return `cut off by the proxy: ${cutOff}`;
  if (ending === "abandoned") return "the client left before the response was complete";
  if (fault !== undefined) {
    if (fault.tag === "RateLimited") return faultText(fault);
    const by = fault.origin === "local" ? "refused by the proxy" : `${upstream} failed`;
    return `${by}: ${noneReadyText(call) ?? faultText(fault)}`;
  }
  if (ending === "incomplete") return `${upstream} broke off its response`;
  if (status === 429) return `refused by ${upstream} with 429`;
  if (reason === "failed")
    return status === undefined ? "a defect of the proxy" : `${upstream} answered ${status}`;
  if (reason === "recovered") return `answered by ${upstream} ${recoveryText(call)}`;
  if (reason === "sampled") return "no trouble";
  const last = trail.findLast((entry) => entry.kind === "try");
  return last === undefined ? "slow" : `slow: ${last.upstream} took ${ms(last.tookMs ?? 0)}`;
}

/** `NoEndpointReady: of 3 endpoints 2 ejected, 1 circuit open`: why no endpoint took the call. */
function noneReadyText({ fault, endpoints }: CallRecord): string | undefined {
  if (fault?.tag !== "NoEndpointReady" || endpoints === undefined || endpoints.blocked.length === 0)
    return undefined;
  const causes = endpoints.blocked.map(({ cause, count, forMs }) => {
    const back = forMs === undefined ? "" : ` (${count > 1 ? "the first " : ""}for ${spanText(forMs)} more)`;
    return `${count} ${cause}${back}`;
  });
  return `${fault.tag}: of ${endpoints.total} endpoints ${causes.join(", ")}`;
}

/** Which try failed first and how, because the endpoint that answered is not the one in trouble. */
export function recoveryText({ trail }: CallRecord): string {
  const tries = trail.filter((entry) => entry.kind === "try");
  const failed = tries
    .slice(0, -1)
    .filter(({ fault, status }) => fault !== undefined || status !== undefined);
  const [first] = failed;
  if (first === undefined) return `in ${tries.length} tries`;
  const { upstream, status, fault } = first;
  const how = fault === undefined ? `answered ${status}` : `failed: ${faultText(fault)}`;
  return `after ${failed.length} failed ${failed.length === 1 ? "try" : "tries"}: ${upstream} ${how}`;
}

/** When a call ended, in milliseconds since 1970. */
export function endOf({ time, durationMs }: Pick<CallRecord, "time" | "durationMs">): number {
  return Date.parse(time) + durationMs;
}

/** `4.2 s ago`; the clocks of two machines may differ. */
export function agoText(atMs: number, nowMs: number): string {
  return `${spanText(Math.max(0, nowMs - atMs))} ago`;
}

function routeText({ name, match, beat }: RecordedRoute, cluster: string | undefined): string {
  const to = cluster === undefined ? "" : `, to cluster ${cluster}`;
  const others = beat.map(({ route, by }) => `not ${route}, which also matches: ${lostTexts[by]}`);
  return [`route ${name}${match === undefined ? "" : ` (${match})`}${to}`, ...others].join("; ");
}

function entryText(entry: RecordedEntry, { trail }: CallRecord, at: number): string {
  if (entry.kind === "event") return eventLine(entry, trail.slice(0, at));
  const number = trail.slice(0, at + 1).filter(({ kind }) => kind === "try").length;
  const { upstream, tookMs, status, fault } = entry;
  const how =
    tookMs === undefined
      ? "no answer yet when the call ended"
      : status !== undefined
        ? `${status} in ${ms(tookMs)}`
        : fault === undefined
          ? `a defect after ${ms(tookMs)}`
          : failureText(fault, tookMs);
  return `try ${number}: ${upstream}: ${how}`;
}

/** An event in its words; a retry with what it follows, after the number of its attempt. */
function eventLine({ layer, event, text }: RecordedEvent, before: readonly RecordedEntry[]): string {
  if (layer !== "retry" || event !== "retried") return text;
  const last = before.findLast((entry) => entry.kind === "try" && entry.tookMs !== undefined);
  if (last?.kind !== "try") return text;
  const how = last.status ?? (last.fault === undefined ? "a defect" : faultText(last.fault));
  return text.replace(";", ` after ${how} from ${last.upstream};`);
}

/** A limit further out than the try may have left it less time. */
function failureText(fault: RecordedFault, tookMs: number): string {
  const plain = plainFault(fault);
  if (plain === undefined) return `${faultText(fault)} after ${ms(tookMs)}`;
  return fault.tag === "Aborted" ? `given up after ${ms(tookMs)}: ${plain}` : plain;
}

function endText({ status, ending, cutOff, fault }: CallRecord): string {
  if (ending === "cutOff") return `cut off: ${cutOff}`;
  if (ending === "abandoned") return "the client left";
  const answer = status === undefined ? "ended without a response" : `answered ${status}`;
  const plain = fault && plainFault(fault);
  const whose = fault === undefined ? "" : plain === undefined ? ` for ${fault.tag}` : `: ${plain}`;
  return `${answer}${whose}${ending === "incomplete" ? "; the response broke off" : ""}`;
}

function ms(value: number): string {
  return value >= 10_000
    ? `${(value / 1_000).toFixed(1)} s`
    : `${Number(value.toFixed(value < 10 ? 1 : 0))} ms`;
}
