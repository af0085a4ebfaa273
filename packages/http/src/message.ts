import { type Client, type Fault, type FromClient, mustBe } from "@pagoda/core";
import { type Body, bodyOf, emptyBody } from "./body.ts";
import { HttpHeaders, isHttpHeaders } from "./headers.ts";
import { type CallNotes, callNotes } from "./notes.ts";

/**
 * The other end of the connection on which a request came: the client, or a proxy in front of it. Do not decide by it:
 * the client is {@link FromClient}'s `client`.
 */
export interface Peer extends Client {
  readonly port: number;
  /** What it showed, and the server verified; absent without TLS, or where it showed none. */
  readonly certificate?: PeerCertificate | undefined;
}

/** A client's certificate, verified. */
export interface PeerCertificate {
  /** RFC 4514, such as `CN=cart,O=shop`. */
  readonly subject: string;
  /** The URIs among its alternative names. */
  readonly uris: readonly string[];
  /** The DNS names among its alternative names. */
  readonly names: readonly string[];
  /** SHA-256 of the whole certificate (DER), hexadecimal, lower case. */
  readonly sha256: string;
}

/**
 * A request: a plain record, never changed. A layer that changes something passes on a copy,
 * `{ ...request, headers }`, and one that adds something adds a property, which the types then show.
 */
export interface HttpRequest {
  /** As on the wire; `GET`, not `get`. */
  readonly method: string;
  readonly scheme: "http" | "https";
  /** Host, and port where it stood there: the `Host` field, `:authority`, or the host of an absolute target. */
  readonly authority: string;
  /**
   * The path as on the wire, `/` first, without the query; `*` for `OPTIONS *`, empty for `CONNECT`. A response to
   * `CONNECT` with a status of 2xx opens a tunnel to `authority`: the bodies are what both sides say.
   */
  readonly path: string;
  /**
   * How the path is sent, where `path` is a normal form of it: a signature may cover the client's own bytes. Holds for
   * that `path` alone, so that a layer that changes it need not know.
   */
  readonly written?: { readonly path: string; readonly of: string } | undefined;
  /** `?` and what follows it, or empty. */
  readonly query: string;
  readonly headers: HttpHeaders;
  readonly body: Body;
  /**
   * The protocol that the client wants to go over to, such as `websocket`; several, by preference, with commas between them.
   * A response with status 101 accepts it, or the one that its `Upgrade` names; from then on the bodies are what both sides
   * say, for as long as they like. Any other response refuses it. Comes with HTTP/1.1 as `Upgrade` and with any method, with
   * HTTP/2 as extended CONNECT (RFC 8441), which is `GET` here.
   */
  readonly upgrade?: string | undefined;
  /** The version in which it came; `1.1` for requests made here. */
  readonly version: "1.0" | "1.1" | "2";
  /** Absent for requests made here. */
  readonly peer?: Peer | undefined;
  /** Takes 1xx responses on their way; where absent they end at the transport. */
  readonly onInformation?: ((status: number, headers: HttpHeaders) => void) | undefined;
  /** Which way this call went: the one part that changes during the call. Copies of a request share it. */
  readonly notes: CallNotes;
}

/** The path as it is sent, see `written`. */
export function sentPath({ path, written }: Pick<HttpRequest, "path" | "written">): string {
  return written !== undefined && written.of === path ? written.path : path;
}

/**
 * Whether a request asks for a tunnel: an upgrade, or `CONNECT`. Its body is what the client says there, for as long as it
 * likes, so such a request is not made again, nor made twice, nor recorded.
 */
export function asksForTunnel({ method, upgrade }: Pick<HttpRequest, "method" | "upgrade">): boolean {
  return upgrade !== undefined || method === "CONNECT";
}

/** What a request carries once it has an id: `forwarded` adds it, and whatever answers or logs needs it. */
export interface Identified {
  /** Names this request in responses, logs and further calls: `X-Request-Id`. */
  readonly requestId: string;
}

/** The client for logs and traces: the peer if no layer has established it. Decisions need {@link FromClient}. */
export function clientOf({ client, peer }: HttpRequest & Partial<FromClient>): Client | undefined {
  return client ?? peer;
}

/** A response: a plain record, never changed. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: HttpHeaders;
  readonly body: Body;
  /** The reason phrase of HTTP/1.1, where it came with one. */
  readonly statusText?: string | undefined;
  /** The error that this response was made from, if the stack itself answered. Core's `faultOf` reads it. */
  readonly fault?: Fault | undefined;
  /** The version in which the origin gave it. */
  readonly version?: HttpRequest["version"] | undefined;
}

/**
 * The methods of RFC 9110, and `PATCH`. Clients may send any other: series, spans and whatever else is kept by method must
 * not grow with what they invent.
 */
export const knownMethods: ReadonlySet<string> = new Set([
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "PATCH",
  "DELETE",
  "OPTIONS",
  "TRACE",
  "CONNECT",
]);

/** What can be left out of a request. */
export interface RequestInput {
  readonly method?: string;
  readonly headers?: HttpHeaders | Readonly<Record<string, string | readonly string[]>>;
  readonly body?: Body | string | Uint8Array;
}

/**
 * A request for an absolute URL, with notes of its own: make one for each call.
 *
 * @example httpRequest("https://example.com/users?page=2", { headers: { accept: "application/json" } })
 * @throws TypeError when the URL is not an absolute http or https URL.
 */
export function httpRequest(url: string, input: RequestInput = {}): HttpRequest {
  const { protocol, host, pathname, search } = new URL(url);
  if (protocol !== "http:" && protocol !== "https:") {
    throw new TypeError(mustBe("httpRequest: url", "an absolute http:// or https:// URL", url));
  }
  return {
    method: input.method ?? "GET",
    scheme: protocol === "https:" ? "https" : "http",
    authority: host,
    path: pathname,
    query: search,
    headers: headersOf(input.headers),
    body: bodyIn(input.body),
    version: "1.1",
    peer: undefined,
    onInformation: undefined,
    notes: callNotes(),
  };
}

/** A response with a body at hand, or none. */
export function httpResponse(
  status: number,
  body?: Body | string | Uint8Array,
  headers?: RequestInput["headers"],
): HttpResponse {
  return {
    status,
    headers: headersOf(headers),
    body: bodyIn(body),
    statusText: undefined,
    fault: undefined,
    version: undefined,
  };
}

/** A JSON response; 200 unless told otherwise. */
export function json(
  value: unknown,
  status: number = 200,
  headers?: Readonly<Record<string, string>>,
): HttpResponse {
  const type = { "content-type": "application/json" };
  return httpResponse(status, `${JSON.stringify(value)}\n`, { ...type, ...headers });
}

/** A plain text response; 200 unless told otherwise. */
export function text(
  content: string,
  status: number = 200,
  headers?: Readonly<Record<string, string>>,
): HttpResponse {
  return httpResponse(status, content, { "content-type": "text/plain; charset=utf-8", ...headers });
}

function headersOf(headers: RequestInput["headers"]): HttpHeaders {
  if (headers === undefined) return HttpHeaders.empty;
  return isHttpHeaders(headers) ? headers : HttpHeaders.of(headers);
}

function bodyIn(body: RequestInput["body"]): Body {
  if (body === undefined) return emptyBody;
  return typeof body === "string" || body instanceof Uint8Array ? bodyOf(body) : body;
}
