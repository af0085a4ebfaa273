import {
  type Body,
  bodyFrom,
  bodyOf,
  emptyBody,
  HttpHeaders,
  type HttpRequest,
  httpRequest,
  isEmptyBody,
  pathToSend,
} from "@pagoda/http";
import { streamOf } from "./body-stream.ts";
import { sendable } from "./sendable.ts";

/**
 * Converts a web request to an `HttpRequest`.
 *
 * @param init The options the request was made from. A body that is in memory keeps its length and
 * can be sent again.
 * @throws TypeError if the URL is not an http or https URL.
 */
export function fromWebRequest(request: Request, init?: RequestInit): HttpRequest {
  return httpRequest(request.url, {
    method: request.method,
    headers: HttpHeaders.of(request.headers),
    body: bodyOfRequest(request, init?.body),
  });
}

function bodyOfRequest({ body }: Request, given: RequestInit["body"]): Body {
  if (typeof given === "string" || given instanceof Uint8Array) return bodyOf(given);
  if (given instanceof URLSearchParams) return bodyOf(given.toString());
  return body === null ? emptyBody : bodyFrom(body);
}

/**
 * Converts an `HttpRequest` to a web request that does not follow redirects.
 *
 * @throws TypeError for requests that `fetch` cannot send, such as `CONNECT` or `GET` with a body.
 */
export function toWebRequest(request: HttpRequest, signal: AbortSignal | undefined): Request {
  const { scheme, authority, query, method, headers, body } = request;
  const init = { method, headers: sendable(headers), redirect: "manual" as const, ...(signal && { signal }) };
  const url = `${scheme}://${authority}${pathToSend(request)}${query}`;
  if (isEmptyBody(body)) return new Request(url, init);
  const whole = body.take();
  if (whole !== undefined) return new Request(url, { ...init, body: whole as Uint8Array<ArrayBuffer> });
  return new Request(url, { ...init, body: streamOf(body), duplex: "half" });
}
