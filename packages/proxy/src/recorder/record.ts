import type { Json } from "@pagoda/core";
import {
  clientOf,
  type FromClient,
  type HttpHeaders,
  type HttpRequest,
  type Identified,
  isCutOff,
  trailOf,
  type TrailEntry,
  type Try,
  upstreamOf,
} from "@pagoda/http";
import type { CallEnd } from "@pagoda/metrics";
import type { RouteTable } from "@pagoda/router";
import type { PlacedEvents } from "../policies/observed.ts";
import type {
  CallRecord,
  RecordedEndpoints,
  RecordedEntry,
  RecordedTry,
  WorkerRecord,
} from "./call-record.ts";
import { eventText } from "./event-text.ts";
import { bounded, plain, recordedFault } from "./facts.ts";
import { recordedRoute } from "./recorded-route.ts";

/** An event before anyone has asked for its text. */
export interface KeptEvent {
  readonly kind: "event";
  readonly source: PlacedEvents | string;
  readonly event: string;
  readonly atMs: number;
  readonly facts: readonly Json[];
}

/** A call as it is kept: what depends on the configuration and on its reader is added when it is read. */
export interface Recorded extends Omit<CallRecord, "worker" | "route" | "trail" | "time"> {
  readonly route: string | undefined;
  readonly trail: readonly (RecordedTry | KeptEvent)[];
  /** Milliseconds since 1970 at its end. */
  readonly endedMs: number;
}

/** What a record needs besides the call. */
export interface RecordContext extends Pick<Recorded, "listener" | "reason" | "ending" | "endedMs"> {
  readonly headers: readonly string[];
  readonly endpoints: ((cluster: string) => RecordedEndpoints | undefined) | undefined;
}

/** More entries are left out, the middle ones. */
const maxEntries = 32;
/** The same for what takes more characters as JSON. */
const maxTrailChars = 16_384;
const maxFacts = 4;
/** Characters of a path, and of an id. */
const maxPath = 1_024;
const maxId = 128;
/** Values of a header field. */
const maxValues = 2;

/**
 * Takes from a call what is kept of it: at most 32 KiB, normally about 1 KiB. Nothing of it refers to
 * the call, whose memory is freed.
 */
export function recorded(end: CallEnd, context: RecordContext): Recorded {
  const { response, fault, grpcStatus, startedAt, endedAt } = end;
  const request = end.request as HttpRequest & Partial<Identified & FromClient>;
  const { notes } = request;
  const { headers, endpoints, ...its } = context;
  const client = clientOf(request);
  const upstream = upstreamOf(notes, fault);
  const why: unknown = end.signal?.reason;
  return {
    ...its,
    id: bounded(request.requestId ?? "", maxId),
    traceId: traceIdOf(request.headers),
    durationMs: toMicroseconds(endedAt - startedAt),
    method: bounded(request.method, maxId),
    scheme: request.scheme,
    authority: bounded(request.authority),
    path: bounded(request.path, maxPath),
    client: client?.address,
    identity: client?.identity === undefined ? undefined : bounded(client.identity),
    user: notes.user === undefined ? undefined : bounded(notes.user),
    route: notes.route,
    cluster: notes.cluster,
    upstream,
    status: response?.status,
    grpcStatus,
    fault: fault === undefined ? undefined : recordedFault(fault),
    ...(its.ending === "cutOff" && isCutOff(why) && { cutOff: bounded(why.message) }),
    trail: keptTrail(trailOf(notes), startedAt),
    endpoints: notes.cluster === undefined ? undefined : endpoints?.(notes.cluster),
    ...(headers.length > 0 && {
      headers: { request: named(headers, request.headers), response: named(headers, response?.headers) },
    }),
  };
}

/** @param table The present routes of its listener. */
export function shown(
  { endedMs, route, trail, ...rest }: Recorded,
  table: RouteTable | undefined,
): WorkerRecord {
  return {
    ...rest,
    time: new Date(Math.round(endedMs - rest.durationMs)).toISOString(),
    ...(route !== undefined && { route: recordedRoute(route, rest, table) }),
    trail: trail.flatMap(shownEntry),
  };
}

function shownEntry(entry: RecordedTry | KeptEvent): readonly RecordedEntry[] {
  if (entry.kind === "try") return [entry];
  const { source, event, facts, atMs } = entry;
  const text = eventText(source, event, facts);
  if (text === undefined) return [];
  const { layer, of } = typeof source === "string" ? { layer: source } : source;
  return [{ kind: "event", layer, ...(of !== undefined && { of }), event, atMs, facts, text }];
}

function kept(entry: TrailEntry, startedAt: number): RecordedTry | KeptEvent {
  const atMs = toMicroseconds(entry.at - startedAt);
  if (entry.kind === "try") return keptTry(entry, atMs);
  const { source, name: event, facts } = entry;
  return {
    kind: "event",
    source: source as KeptEvent["source"],
    event,
    atMs,
    facts: facts.slice(0, maxFacts).map(plain),
  };
}

function keptTry({ upstream, at, endedAt, status, fault }: Try, atMs: number): RecordedTry {
  return {
    kind: "try",
    upstream,
    atMs,
    ...(endedAt !== undefined && { tookMs: toMicroseconds(endedAt - at) }),
    ...(status !== 0 && { status }),
    ...(fault !== undefined && { fault: recordedFault(fault) }),
  };
}

function keptTrail(entries: readonly TrailEntry[], startedAt: number): Recorded["trail"] {
  for (let max = maxEntries; ; max /= 2) {
    const some = entries.length <= max ? entries : [...entries.slice(0, max / 2), ...entries.slice(-max / 2)];
    const trail = some.map((entry) => kept(entry, startedAt));
    if (max <= 2 || JSON.stringify(trail).length <= maxTrailChars) return trail;
  }
}

function named(
  names: readonly string[],
  headers: HttpHeaders | undefined,
): Readonly<Record<string, readonly string[]>> {
  const fields: Record<string, readonly string[]> = {};
  for (const name of names) {
    const values = headers?.all(name) ?? [];
    if (values.length > 0) fields[name] = values.slice(0, maxValues).map((value) => bounded(value));
  }
  return fields;
}

/** W3C Trace Context, 3.2: version, trace id, parent id, flags. */
function traceIdOf(headers: HttpHeaders): string | undefined {
  return /^[\da-f]{2}-([\da-f]{32})-/.exec(headers.get("traceparent") ?? "")?.[1];
}

/** Drops the digits beyond the clock's precision. */
function toMicroseconds(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}
