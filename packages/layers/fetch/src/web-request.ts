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
 * Returns a web request as an `HttpRequest`.
 *
 * @param init What the request was made from. A body that it holds whole keeps its length and can be
 * sent again.
 * @throws TypeError when the URL is not an http or https URL.
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
 * Returns an `HttpRequest` as a web request, which does not follow redirects.
 *
 * @throws TypeError for what `fetch` cannot send, such as `CONNECT`, or `GET` with a body.
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
