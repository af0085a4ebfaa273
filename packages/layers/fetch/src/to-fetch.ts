import type { Service } from "@pagoda/core";
import type { HttpRequest, HttpResponse } from "@pagoda/http";
import { isLeft } from "fp-ts/lib/Either.js";
import { fromWebRequest } from "./web-request.ts";
import { toWebResponse } from "./web-response.ts";

type Input = Parameters<typeof fetch>[0];

/**
 * Returns a service as a function that is called like `fetch`: for libraries that take a `fetch` of
 * the user's own.
 *
 * An error of the service becomes the `TypeError` that `fetch` throws, with the error as `cause`. An
 * abort throws the signal's reason, and ends a body that is still being read. Deadlines of the signal
 * reach the service.
 *
 * Differences from `fetch`: redirects are not followed, bodies are not decompressed, and cookies,
 * caching, CORS and `integrity` do not exist.
 *
 * @example const { data } = await createClient({ fetch: toFetch(stack) }).GET("/users");
 */
export function toFetch(service: Service<HttpRequest, HttpResponse, unknown>): typeof fetch {
  return async (input: Input, init?: RequestInit) => {
    const request = new Request(input, init);
    // A `Request` has a signal of its own, which does not carry the caller's deadline.
    const signal = init?.signal ?? signalOf(input);
    const sent = fromWebRequest(request, init);
    if (signal?.aborted) sent.body.cancel(signal.reason);
    signal?.throwIfAborted();
    const result = await service.call(sent, signal);
    if (isLeft(result)) {
      signal?.throwIfAborted();
      throw new TypeError("fetch failed", { cause: result.left });
    }
    const response = toWebResponse(result.right, signal);
    return Object.defineProperty(response, "url", { value: request.url });
  };
}

function signalOf(input: Input): AbortSignal | undefined {
  return typeof input === "object" && "signal" in input ? input.signal : undefined;
}
