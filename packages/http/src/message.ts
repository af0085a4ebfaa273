import { type Client, type Fault, type FromClient, mustBe } from "@pagoda/core";
import { type Body, bodyOf, emptyBody } from "./body.ts";
import { HttpHeaders, isHttpHeaders } from "./headers.ts";
import { type CallNotes, callNotes } from "./notes.ts";

/**
 * The other end of the connection on which a request arrived: the client, or a proxy in front of
 * it. Do not base decisions on it: use the `client` of {@link FromClient}.
 */
export interface Peer extends Client {
  readonly port: number;
  /** The verified client certificate; absent without TLS or without a certificate. */
  readonly certificate?: PeerCertificate | undefined;
}

/** A verified client certificate. */
export interface PeerCertificate {
  /** RFC 4514, such as `CN=cart,O=shop`. */
  readonly subject: string;
  /** URIs in its subject alternative names. */
  readonly uris: readonly string[];
  /** DNS names in its subject alternative names. */
  readonly names: readonly string[];
  /** SHA-256 fingerprint of the certificate (DER), hexadecimal, lower case. */
  readonly sha256: string;
}

/**
 * A request: a plain immutable record. A layer that changes something passes on a copy,
 * `{ ...request, headers }`. A layer that adds something adds a property, which the types then
 * show.
 */
export interface HttpRequest {
  /** As on the wire: `GET`, not `get`. */
  readonly method: string;
  readonly scheme: "http" | "https";
  /**
   * Host, and port if present: from the `Host` field, `:authority`, or an absolute request target.
   */
  readonly authority: string;
  /**
   * The path as on the wire, starting with `/`, without the query; `*` for `OPTIONS *`, empty for
   * `CONNECT`. A 2xx response to `CONNECT` opens a tunnel to `authority`, whose bytes are the two
   * bodies.
   */
  readonly path: string;
  /**
   * The path to send if `path` is a normal form of it, because a signature may cover the client's
   * original bytes. It applies only to that `path`, so a layer that changes the path can ignore it.
   */
  readonly written?: { readonly path: string; readonly of: string } | undefined;
  /** `?` and the rest of the target, or empty. */
  readonly query: string;
  readonly headers: HttpHeaders;
  readonly body: Body;
  /**
   * The protocol to which the client wants to upgrade, such as `websocket`; several are separated
   * by commas, in order of preference. A response with status 101 accepts it, or the one in its
   * `Upgrade` field, and opens a tunnel whose bytes are the two bodies. Any other response refuses
   * it. In HTTP/1.1 it is the `Upgrade` field, with any method; in HTTP/2 it is extended CONNECT
   * (RFC 8441), whose method is `GET` here.
   */
  readonly upgrade?: string | undefined;
  /**
   * The content of a request that asks for an upgrade and has one, as `docker exec` and
   * `docker attach` do. Its `body` is still the tunnel. HTTP/1.1 only.
   */
  readonly upgradeContent?: Body | undefined;
  /** The HTTP version in which it arrived; `1.1` for requests made in this process. */
  readonly version: "1.0" | "1.1" | "2";
  /** Absent for requests made in this process. */
  readonly peer?: Peer | undefined;
  /** Receives 1xx responses. If absent, the transport drops them. */
  readonly onInformation?: ((status: number, headers: HttpHeaders) => void) | undefined;
  /**
   * Which way this call went: the one part that changes during the call. Copies of a request share
   * it.
   */
  readonly notes: CallNotes;
}

/** Returns the path to send, see `written`. */
export function pathToSend({ path, written }: Pick<HttpRequest, "path" | "written">): string {
  return written !== undefined && written.of === path ? written.path : path;
}

/**
 * Whether a request asks for a tunnel: an upgrade or `CONNECT`. Its body is the client's side of
 * the tunnel, without bounds, so such a request is never retried, duplicated or recorded.
 */
export function requestsTunnel({ method, upgrade }: Pick<HttpRequest, "method" | "upgrade">): boolean {
  return upgrade !== undefined || method === "CONNECT";
}

/** Whether nothing of a request's bodies has been read, so that the request can be sent again. */
export function isUnread({ body, upgradeContent }: Pick<HttpRequest, "body" | "upgradeContent">): boolean {
  return body.canRead && upgradeContent?.canRead !== false;
}

/** A request with an ID. Added by `forwarded`; needed for error responses and logs. */
export interface Identified {
  /** Identifies this request in responses, logs and further calls: `X-Request-Id`. */
  readonly requestId: string;
}

/**
 * Returns the client for logs and traces: the peer if no layer has added one. Decisions need
 * {@link FromClient}.
 */
export function clientOf({ client, peer }: HttpRequest & Partial<FromClient>): Client | undefined {
  return client ?? peer;
}

/** A response: a plain immutable record. */
export interface HttpResponse {
  readonly status: number;
  readonly headers: HttpHeaders;
  readonly body: Body;
  /** The HTTP/1.1 reason phrase, if it came with one. */
  readonly statusText?: string | undefined;
  /**
   * The error that this response was made from, if the stack itself answered. Core's `faultOf`
   * reads it.
   */
  readonly fault?: Fault | undefined;
  /** The HTTP version of the origin's response. */
  readonly version?: HttpRequest["version"] | undefined;
}

/**
 * The methods of RFC 9110, and `PATCH`. Clients may send any other, so metric series, spans and
 * anything else kept per method must not grow with what they invent.
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

/** Optional parts of a request. */
export interface RequestInput {
  readonly method?: string;
  readonly headers?: HttpHeaders | Readonly<Record<string, string | readonly string[]>>;
  readonly body?: Body | string | Uint8Array;
}

/**
 * Makes a request for an absolute URL. It has its own notes, so make one for each call.
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

/** Makes a response from bytes or text, or without a body. */
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

/** Makes a JSON response. Default status 200. */
export function json(
  value: unknown,
  status: number = 200,
  headers?: Readonly<Record<string, string>>,
): HttpResponse {
  const type = { "content-type": "application/json" };
  return httpResponse(status, `${JSON.stringify(value)}\n`, { ...type, ...headers });
}

/** Makes a plain text response. Default status 200. */
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
