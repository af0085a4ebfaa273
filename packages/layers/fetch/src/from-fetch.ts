import {
  aborted,
  type Aborted,
  type Fault,
  isLocalFailure,
  Scope,
  service,
  type Service,
} from "@pagoda/core";
import type { HttpRequest, HttpResponse } from "@pagoda/http";
import { type Either, left, right } from "fp-ts/lib/Either.js";
import { toWebRequest } from "./web-request.ts";
import { fromWebResponse } from "./web-response.ts";

/**
 * `fetch` gave no response. Of origin `local` for trouble on this machine, and for a request that
 * `fetch` cannot send (`CONNECT`, an upgrade, `GET` with a body); the latter is not retryable.
 */
export interface FetchFailed extends Fault<"FetchFailed"> {}

/**
 * Returns a leaf service that makes each call with `fetch`: where there is no socket to open, or a
 * library brings a `fetch` of its own.
 *
 * Bodies stream both ways, with backpressure. Redirects are passed on, not followed. Bodies arrive
 * decompressed, and without `Content-Encoding`. Trailers, 1xx responses and the connection's fields
 * are dropped, since `fetch` has none of them. The request's notes name the origin called.
 *
 * Errors: {@link FetchFailed}, and {@link Aborted}.
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
    // Of its own, because `fetch` leaves a listener on the signal that it is given.
    const scope = new Scope(signal);
    try {
      const sent = webRequestOf(request, scope.signal);
      if (sent._tag === "Left") return sent;
      const upstream = `${scheme}://${authority}`;
      notes.upstream = upstream;
      notes.tries++;
      try {
        const response = await fetch(sent.right);
        if (!signal?.aborted) return right(fromWebResponse(response));
        // A `fetch` of somebody's own may answer although it was aborted; nobody will read it.
        response.body?.cancel(signal.reason).catch(() => {});
        return left(aborted(signal));
      } catch (cause) {
        return left(signal?.aborted ? aborted(signal) : failed(upstream, cause));
      }
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

function failed(upstream: string, cause: unknown): FetchFailed {
  const isLocal =
    isLocalFailure(cause) || isLocalFailure((cause as { readonly cause?: unknown } | null)?.cause);
  return { _tag: "FetchFailed", origin: isLocal ? "local" : "upstream", retryable: true, upstream, cause };
}
