import type { Fault } from "@pagoda/core";
import {
  clientOf,
  type FromClient,
  type HttpRequest,
  type HttpResponse,
  type Identified,
  upstreamOf,
} from "@pagoda/http";
import { escapeControls } from "./escape-controls.ts";
import type { CallEnd } from "./level.ts";

/** A request as the layer reads it, with its id and client if an outer layer has set them. */
export type LoggedRequest = HttpRequest & Partial<Identified> & Partial<FromClient>;

/** The cause of a fault. */
export interface LoggedCause {
  readonly message: string;
  /** System error code, such as `ECONNREFUSED`. */
  readonly code?: string | undefined;
}

/** The error that ended a call, with its own strings, numbers and booleans under their names. */
export interface LoggedFault {
  /** Identifies the error, and with it the layer that raised it. */
  readonly tag: string;
  readonly origin: Fault["origin"];
  readonly retryable: boolean;
  readonly cause?: LoggedCause | undefined;
  readonly [detail: string]: unknown;
}

/** The fields of a line. Unknown values are `undefined` and omitted. */
export interface AccessEntry {
  readonly requestId: string | undefined;
  readonly client: string | undefined;
  /** The client's, from its certificate. */
  readonly identity: string | undefined;
  /** The user of a verified password, or the subject of a verified token. */
  readonly user: string | undefined;
  readonly method: string;
  readonly scheme: string;
  readonly authority: string;
  readonly path: string;
  readonly query: string | undefined;
  readonly version: string;
  readonly status: number | undefined;
  readonly outcome: CallEnd["outcome"];
  readonly route: string | undefined;
  readonly cluster: string | undefined;
  readonly upstream: string | undefined;
  readonly tries: number;
  /** Milliseconds until the response head. */
  readonly headMs: number | undefined;
  /** Milliseconds until the end of the response body. */
  readonly durationMs: number;
  /** Length of the request body in bytes, if known in advance. */
  readonly requestLength: number | undefined;
  /** Length of the response body in bytes, if known in advance. */
  readonly responseLength: number | undefined;
  readonly userAgent: string | undefined;
  readonly fault: LoggedFault | undefined;
  /** What the call rejected with. Pino serializes errors under this name: type, message, stack. */
  readonly err: unknown;
}

/** State of a call until its line is written. */
export class Call<out Req extends LoggedRequest> {
  readonly request: Req;
  readonly signal: AbortSignal | undefined;
  readonly startedAt: number;
  headMs: number | undefined = undefined;
  response: HttpResponse | undefined = undefined;
  /** What it rejected with, or an error that is not a fault. */
  defect: unknown = undefined;

  constructor(request: Req, signal: AbortSignal | undefined, startedAt: number) {
    this.request = request;
    this.signal = signal;
    this.startedAt = startedAt;
  }
}

/** Longer names are cut: an issuer may put anything into a token. */
const maxName = 256;

function nameIn(name: string | undefined): string | undefined {
  return name === undefined ? undefined : escapeControls(name.slice(0, maxName));
}

export function entryOf(call: Call<LoggedRequest>, end: CallEnd, query: boolean): AccessEntry {
  const { request, response, headMs, defect } = call;
  const { requestId, method, scheme, authority, path, version, headers, body, notes } = request;
  const client = clientOf(request);
  const userAgent = headers.get("user-agent");
  return {
    requestId,
    client: client?.address,
    identity: nameIn(client?.identity),
    user: nameIn(notes.user),
    method: escapeControls(method),
    scheme,
    authority: escapeControls(authority),
    path: escapeControls(path),
    query: query && request.query !== "" ? escapeControls(request.query) : undefined,
    version,
    status: end.status,
    outcome: end.outcome,
    route: notes.route,
    cluster: notes.cluster,
    upstream: upstreamOf(notes, end.fault),
    tries: notes.tries,
    headMs: headMs === undefined ? undefined : toMicroseconds(headMs),
    durationMs: toMicroseconds(end.durationMs),
    requestLength: body.length,
    responseLength: response?.body.length,
    userAgent: userAgent === undefined ? undefined : escapeControls(userAgent),
    fault: end.fault === undefined ? undefined : loggedFault(end.fault),
    err: defect,
  };
}

/** Drops the digits beyond the clock's precision. */
function toMicroseconds(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}

function loggedFault(fault: Fault): LoggedFault {
  const { _tag, cause, ...rest } = fault;
  const details: Record<string, unknown> = { tag: _tag };
  for (const [name, value] of Object.entries(rest)) {
    if (typeof value === "string") details[name] = escapeControls(value);
    else if (typeof value === "number" || typeof value === "boolean") details[name] = value;
  }
  if (cause !== undefined) details["cause"] = loggedCause(cause);
  return details as unknown as LoggedFault;
}

/**
 * An `AggregateError`, as when every address of a host refuses, has an empty message: joins theirs.
 */
function loggedCause(cause: unknown): LoggedCause {
  const { code, errors } = Object(cause) as { readonly code?: unknown; readonly errors?: unknown };
  const several = Array.isArray(errors) ? errors.map(messageOf).join("; ") : "";
  return {
    message: escapeControls(messageOf(cause) || several || nameOf(cause)),
    code: typeof code === "string" ? escapeControls(code) : undefined,
  };
}

function messageOf(cause: unknown): string {
  const { message } = Object(cause) as { readonly message?: unknown };
  return typeof message === "string" ? message : "";
}

/** The cause of a fault may be a fault itself, named by its tag. */
function nameOf(cause: unknown): string {
  if (typeof cause !== "object" || cause === null) return String(cause);
  const { _tag, name } = cause as { readonly _tag?: unknown; readonly name?: unknown };
  if (typeof _tag === "string") return _tag;
  return typeof name === "string" ? name : "an object";
}
