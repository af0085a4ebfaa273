import type { Fault } from "@pagoda/core";
import {
  type CallNotes,
  clientOf,
  type FromClient,
  type HttpRequest,
  type HttpResponse,
  type Identified,
} from "@pagoda/http";
import { clean } from "./clean.ts";
import type { CallEnd } from "./level.ts";

/** What the layer reads of a request: its id and who asks stand there where a layer further out has found them out. */
export type LoggedRequest = HttpRequest & Partial<Identified> & Partial<FromClient>;

/** What lies behind an error. */
export interface LoggedCause {
  readonly message: string;
  /** The system's word for it, such as `ECONNREFUSED`. */
  readonly code?: string | undefined;
}

/** The error that ended a call, with what it says of itself: its texts, numbers and truths under their own names. */
export interface LoggedFault {
  /** Names the error, and so the layer that raised it. */
  readonly tag: string;
  readonly origin: Fault["origin"];
  readonly retryable: boolean;
  readonly cause?: LoggedCause | undefined;
  readonly [detail: string]: unknown;
}

/** A line. What is not known is not in it. */
export interface AccessEntry {
  readonly requestId: string | undefined;
  readonly client: string | undefined;
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
  /** Milliseconds to the response's head. */
  readonly headMs: number | undefined;
  /** Milliseconds to the end of the response's body. */
  readonly durationMs: number;
  /** Bytes of the bodies, where that was known before they came. */
  readonly requestLength: number | undefined;
  readonly responseLength: number | undefined;
  readonly userAgent: string | undefined;
  readonly fault: LoggedFault | undefined;
  /** What the call rejected with. Under this name pino writes an error's type, message and stack. */
  readonly err: unknown;
}

/** A call, from its beginning to its line. */
export class Call<out Req extends LoggedRequest> {
  readonly request: Req;
  readonly notes: CallNotes;
  readonly signal: AbortSignal | undefined;
  readonly startedAt: number;
  headMs: number | undefined = undefined;
  response: HttpResponse | undefined = undefined;
  /** What it rejected with, or an error that is no fault. */
  defect: unknown = undefined;

  constructor(request: Req, notes: CallNotes, signal: AbortSignal | undefined, startedAt: number) {
    this.request = request;
    this.notes = notes;
    this.signal = signal;
    this.startedAt = startedAt;
  }
}

export function entryOf(call: Call<LoggedRequest>, end: CallEnd, query: boolean): AccessEntry {
  const { request, notes, response, headMs, defect } = call;
  const { requestId, method, scheme, authority, path, version, headers, body } = request;
  const userAgent = headers.get("user-agent");
  return {
    requestId,
    client: clientOf(request)?.address,
    method: clean(method),
    scheme,
    authority: clean(authority),
    path: clean(path),
    query: query && request.query !== "" ? clean(request.query) : undefined,
    version,
    status: end.status,
    outcome: end.outcome,
    route: notes.route,
    cluster: notes.cluster,
    upstream: response?.upstream ?? upstreamOf(end.fault) ?? notes.upstream,
    tries: notes.tries,
    headMs: headMs === undefined ? undefined : toMicroseconds(headMs),
    durationMs: toMicroseconds(end.durationMs),
    requestLength: body.length,
    responseLength: response?.body.length,
    userAgent: userAgent === undefined ? undefined : clean(userAgent),
    fault: end.fault === undefined ? undefined : loggedFault(end.fault),
    err: defect,
  };
}

function upstreamOf(fault: Fault | undefined): string | undefined {
  const { upstream } = (fault ?? {}) as { readonly upstream?: unknown };
  return typeof upstream === "string" ? upstream : undefined;
}

/** A clock gives more digits than it means. */
function toMicroseconds(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}

function loggedFault(fault: Fault): LoggedFault {
  const { _tag, cause, ...rest } = fault;
  const details: Record<string, unknown> = { tag: _tag };
  for (const [name, value] of Object.entries(rest)) {
    if (typeof value === "string") details[name] = clean(value);
    else if (typeof value === "number" || typeof value === "boolean") details[name] = value;
  }
  if (cause !== undefined) details["cause"] = loggedCause(cause);
  return details as unknown as LoggedFault;
}

/** Of several errors in one, as when each address of a name refuses, the message is empty: theirs say it. */
function loggedCause(cause: unknown): LoggedCause {
  const { code, errors } = Object(cause) as { readonly code?: unknown; readonly errors?: unknown };
  const several = Array.isArray(errors) ? errors.map(messageOf).join("; ") : "";
  return {
    message: clean(messageOf(cause) || several || nameOf(cause)),
    code: typeof code === "string" ? clean(code) : undefined,
  };
}

function messageOf(cause: unknown): string {
  const { message } = Object(cause) as { readonly message?: unknown };
  return typeof message === "string" ? message : "";
}

/** Also of a fault, which a fault may have for its cause. */
function nameOf(cause: unknown): string {
  if (typeof cause !== "object" || cause === null) return String(cause);
  const { _tag, name } = cause as { readonly _tag?: unknown; readonly name?: unknown };
  if (typeof _tag === "string") return _tag;
  return typeof name === "string" ? name : "an object";
}
