import {
  type Aborted,
  aborted,
  type Either,
  type Fault,
  isLocalFailure,
  left,
  right,
  Scope,
  service,
  type Service,
  systemClock,
} from "@pagoda/core";
import { type HttpRequest, type HttpResponse, tryBegan, tryEnded } from "@pagoda/http";
import { toWebRequest } from "./web-request.ts";
import { fromWebResponse } from "./web-response.ts";

/**
 * `fetch` rejected. Its origin is `local` for failures of this machine and for requests that `fetch`
 * cannot send (`CONNECT`, an upgrade, `GET` with a body); the latter are not retryable.
 */
export interface FetchFailed extends Fault<"FetchFailed"> {}

/**
 * Returns a leaf service that makes each call with `fetch`, for platforms without sockets and for
 * libraries that provide their own `fetch`.
 *
 * Bodies stream both ways with backpressure. Redirects are not followed but returned. Response
 * bodies arrive decompressed and without `Content-Encoding`. Trailers, 1xx responses and
 * connection-specific fields are dropped, because `fetch` does not support them. The request's notes
 * name the origin called.
 *
 * Errors: {@link FetchFailed} and {@link Aborted}.
 *
 * @param fetch Default: the global one.
 */
export function fromFetch(
  fetch: typeof globalThis.fetch = globalThis.fetch,
): Service<HttpRequest, HttpResponse, FetchFailed | Aborted> {
  async function call(
    request: HttpRequest,
    signal: AbortSignal | undefined,
  ): Promise<Either<FetchFailed | Aborted, HttpResponse>> {
    const { scheme, authority, body, notes } = request;
    if (signal?.aborted) {
      body.cancel(signal.reason);
      return left(aborted(signal));
    }
    // A separate signal, because `fetch` leaves a listener on the one it gets.
    const scope = new Scope(signal);
    try {
      const sent = webRequestOf(request, scope.signal);
      if (sent._tag === "Left") return sent;
      const upstream = `${scheme}://${authority}`;
      const began = tryBegan(notes, upstream, systemClock.now());
      const result = await answerOf(fetch, sent.right, upstream, signal);
      tryEnded(notes, began, result, systemClock.now(), signal?.aborted === true);
      return result;
    } finally {
      scope.end();
    }
  }

  return service("fetch", call);
}

function webRequestOf(request: HttpRequest, signal: AbortSignal): Either<FetchFailed, Request> {
  try {
    if (request.upgrade !== undefined) throw new TypeError(`fetch cannot upgrade to ${request.upgrade}`);
    return right(toWebRequest(request, signal));
  } catch (cause) {
    request.body.cancel(cause);
    return left({ _tag: "FetchFailed", origin: "local", retryable: false, cause });
  }
}

async function answerOf(
  fetch: typeof globalThis.fetch,
  request: Request,
  upstream: string,
  signal: AbortSignal | undefined,
): Promise<Either<FetchFailed | Aborted, HttpResponse>> {
  try {
    const response = await fetch(request);
    if (!signal?.aborted) return right(fromWebResponse(response));
    // A custom `fetch` may return a response in spite of the abort; nobody will read it.
    response.body?.cancel(signal.reason).catch(() => {});
    return left(aborted(signal));
  } catch (cause) {
    return left(signal?.aborted ? aborted(signal) : failed(upstream, cause));
  }
}

function failed(upstream: string, cause: unknown): FetchFailed {
  const isLocal =
    isLocalFailure(cause) || isLocalFailure((cause as { readonly cause?: unknown } | null)?.cause);
  return { _tag: "FetchFailed", origin: isLocal ? "local" : "upstream", retryable: true, upstream, cause };
}
