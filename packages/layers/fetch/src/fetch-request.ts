import { type Adapter, adapter, isLeft, right, Scope } from "@pagoda/core";
import type { HttpRequest, HttpResponse } from "@pagoda/http";
import { fromWebRequest } from "./web-request.ts";
import { toWebResponse } from "./web-response.ts";

/**
 * Turns a stack from `HttpRequest` to `HttpResponse` into a handler from the web's `Request` to its
 * `Response`, for servers and frameworks that call such handlers (Hono, Next.js, Deno, Bun, workers).
 *
 * Bodies stream both ways with backpressure. The request's own signal aborts the call and, while it
 * is being read, the response body. Trailers and 1xx responses are dropped, because the web's types
 * do not support them.
 *
 * Errors: none added. A request URL that is not http or https and a response with a status below 200
 * are defects.
 *
 * @example
 * const handler = new ServiceBuilder<Request>().adapt(fetchRequest()).layer(respond(table)).service(app);
 */
export function fetchRequest(): Adapter<Request, HttpRequest, HttpResponse, Response> {
  return adapter<Request, HttpRequest, HttpResponse, Response>("fetch-request", (inner) => ({
    async call(request, signal) {
      const scope = new Scope(signal);
      const own = request.signal;
      const onAbort = (): void => scope.abort(own.reason);
      if (own.aborted) onAbort();
      else own.addEventListener("abort", onAbort);
      const end = (): void => {
        scope.end();
        own.removeEventListener("abort", onAbort);
      };
      try {
        const result = await inner.call(fromWebRequest(request), scope.signal);
        if (isLeft(result)) {
          end();
          return result;
        }
        const response = toWebResponse(result.right, scope.signal);
        result.right.body.observe(end);
        return right(response);
      } catch (defect) {
        end();
        throw defect;
      }
    },
  }));
}
