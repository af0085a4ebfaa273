import { isLeft, type Service } from "@pagoda/core";
import { type Body, type HttpRequest, type HttpResponse, isEmptyBody } from "@pagoda/http";
import { fromWebRequest } from "./web-request.ts";
import { toWebResponse } from "./web-response.ts";

type Input = Parameters<typeof fetch>[0];

/**
 * Turns a service into a function with the signature of `fetch`, for libraries that accept a custom
 * `fetch`.
 *
 * An error of the service becomes the `TypeError` that `fetch` throws, with the error as `cause`. An
 * abort throws the signal's reason and errors a body that is still being read. A deadline of the
 * signal reaches the service.
 *
 * Unlike `fetch`, it does not decompress bodies, and it has no cookies, CORS or `integrity`. It
 * follows redirects and caches responses if the stack does.
 *
 * @example const { data } = await createClient({ fetch: toFetch(stack) }).GET("/users");
 */
export function toFetch(service: Service<HttpRequest, HttpResponse, unknown>): typeof fetch {
  return async (input: Input, init?: RequestInit) => {
    const request = new Request(input, init);
    // The signal of a `Request` does not carry the caller's deadline.
    const signal = init?.signal ?? signalOf(input);
    const sent = fromWebRequest(request, init);
    if (signal?.aborted) sent.body.cancel(signal.reason);
    signal?.throwIfAborted();
    const result = await service.call(sent, signal);
    if (isLeft(result)) {
      discard(sent.body);
      signal?.throwIfAborted();
      // The message by which libraries recognise a failure of the network.
      throw new TypeError("fetch failed", { cause: result.left });
    }
    // Until the response has ended, it may still be made from the request's body.
    if (!isEmptyBody(sent.body)) result.right.body.observe(() => discard(sent.body));
    const response = toWebResponse(result.right, signal);
    return Object.defineProperties(response, {
      url: { value: withoutFragment(sent.notes.url ?? request.url) },
      redirected: { value: sent.notes.url !== undefined },
    });
  };
}

/** A layer that responds or refuses leaves the request's body unread. */
function discard(body: Body): void {
  if (body.canRead) body.cancel();
}

/** As `fetch` reports it. */
function withoutFragment(url: string): string {
  const at = url.indexOf("#");
  return at < 0 ? url : url.slice(0, at);
}

function signalOf(input: Input): AbortSignal | undefined {
  return typeof input === "object" && "signal" in input ? input.signal : undefined;
}
