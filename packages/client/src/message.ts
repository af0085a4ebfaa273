import { checkDuration, type Either, isLeft, right } from "@pagoda/core";
import {
  type Body,
  bodyFrom,
  bodyOf,
  type CallNotes,
  callNotes,
  emptyBody,
  HttpHeaders,
  isBody,
  isHttpHeaders,
  type RequestInput,
} from "@pagoda/http";
import type { BaseUrl } from "./base-url.ts";
import type { CallRequest } from "./call-request.ts";
import type { UrlRefused } from "./faults.ts";
import { checkMaxBytes } from "./options.ts";

/** A parameter of a query; an array repeats it, and `undefined` omits it. */
export type QueryValue =
  | string
  | number
  | boolean
  | undefined
  | readonly (string | number | boolean | undefined)[];

/** Options of one call. */
export interface CallOptions {
  readonly headers?: RequestInput["headers"];
  /** Added to the query of the URL. */
  readonly query?: Readonly<Record<string, QueryValue>> | URLSearchParams;
  /** Aborts the call, and a body that is still being read. */
  readonly signal?: AbortSignal | undefined;
  /** Limit for this call with all its attempts, in milliseconds: over 0. Default: the client's. */
  readonly timeoutMs?: number;
  /** `false`: no retries. `true`: retries whatever the method. Default: see `RetryPolicy.methods`. */
  readonly retry?: boolean;
  /** Maximum bytes of a response body that is read as a whole. Default: the client's. */
  readonly maxBytes?: number;
}

/** Options of a call that may send a body: at most one of `json`, `form`, `text` and `body`. */
export interface SendOptions extends CallOptions {
  /** Sends a value as JSON. */
  readonly json?: unknown;
  /** Sends a form as `application/x-www-form-urlencoded`. */
  readonly form?: Readonly<Record<string, QueryValue>> | URLSearchParams;
  /** Sends text as `text/plain` in UTF-8. */
  readonly text?: string;
  /** Sends bytes, or chunks as they come, without a content type. */
  readonly body?: Body | Uint8Array | AsyncIterable<Uint8Array | string>;
}

/** What a call wants of its response. */
export interface Wanted {
  readonly maxBytes: number | undefined;
  /** Default of `Accept`. */
  readonly accept?: string;
  /** Notes for the call. Default: new ones. */
  readonly notes?: CallNotes;
}

/**
 * Makes the request of a call.
 *
 * @throws RangeError if an option is out of range, TypeError if there are several bodies or the
 * value is not JSON.
 */
export function messageOf(
  base: BaseUrl,
  method: string,
  url: string | URL,
  options: SendOptions,
  { maxBytes, accept, notes = callNotes() }: Wanted,
): Either<UrlRefused, CallRequest> {
  const { query, timeoutMs, retry } = options;
  if (timeoutMs !== undefined) checkDuration("client: timeoutMs", timeoutMs);
  if (options.maxBytes !== undefined) checkMaxBytes(options.maxBytes);
  const content = contentOf(options);
  const resolved = base.resolve(url);
  if (isLeft(resolved)) return resolved;
  const { protocol, host, pathname, search } = resolved.right;
  return right({
    method,
    scheme: protocol === "https:" ? "https" : "http",
    authority: host,
    path: pathname,
    query: query === undefined ? search : withQuery(search, query),
    headers: withDefault(
      withDefault(headersOf(options.headers), "content-type", content?.type),
      "accept",
      accept,
    ),
    body: content?.body ?? emptyBody,
    version: "1.1",
    notes,
    timeoutMs,
    retry,
    maxBytes,
  });
}

/** Returns headers with a field, unless they have one of that name. */
function withDefault(headers: HttpHeaders, name: string, value: string | undefined): HttpHeaders {
  return value === undefined || headers.has(name) ? headers : headers.append(name, value);
}

export function headersOf(headers: RequestInput["headers"]): HttpHeaders {
  if (headers === undefined) return HttpHeaders.empty;
  return isHttpHeaders(headers) ? headers : HttpHeaders.of(headers);
}

interface Content {
  readonly body: Body;
  readonly type?: string;
}

function contentOf({ json, form, text, body }: SendOptions): Content | undefined {
  const given = Object.entries({ json, form, text, body }).filter(([, value]) => value !== undefined);
  if (given.length > 1)
    throw new TypeError(`client: only one body can be sent (got ${given.map(([name]) => name).join(", ")})`);
  if (json !== undefined) return { body: bodyOf(jsonOf(json)), type: "application/json" };
  if (form !== undefined)
    return { body: bodyOf(parameters(form).toString()), type: "application/x-www-form-urlencoded" };
  if (text !== undefined) return { body: bodyOf(text), type: "text/plain; charset=utf-8" };
  if (body === undefined) return undefined;
  if (isBody(body)) return { body };
  return { body: body instanceof Uint8Array ? bodyOf(body) : bodyFrom(body) };
}

function jsonOf(value: unknown): string {
  // `undefined` for a function or a symbol, which the types of JSON.stringify do not show.
  const json = JSON.stringify(value) as string | undefined;
  if (json === undefined) throw new TypeError(`client: json must be a JSON value (got a ${typeof value})`);
  return json;
}

function withQuery(search: string, query: NonNullable<CallOptions["query"]>): string {
  const added = parameters(query).toString();
  if (added === "") return search;
  return search === "" ? `?${added}` : `${search}&${added}`;
}

function parameters(given: NonNullable<CallOptions["query"]>): URLSearchParams {
  if (given instanceof URLSearchParams) return given;
  const all = new URLSearchParams();
  for (const [name, value] of Object.entries(given)) {
    for (const each of Array.isArray(value) ? (value as readonly QueryValue[]) : [value])
      if (each !== undefined) all.append(name, String(each));
  }
  return all;
}
