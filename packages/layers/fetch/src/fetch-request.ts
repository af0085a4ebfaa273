import { adapter, type Adapter, Scope } from "@pagoda/core";
import type { HttpRequest, HttpResponse } from "@pagoda/http";
import { isLeft, right } from "fp-ts/lib/Either.js";
import { fromWebRequest } from "./web-request.ts";
import { toWebResponse } from "./web-response.ts";

/**
 * Takes the web's `Request` and gives its `Response`, around a stack of `HttpRequest` and
 * `HttpResponse`: for servers and frameworks that call a handler with them (Hono, Next.js, Deno,
 * Bun, workers).
 *
 * Bodies stream both ways, with backpressure. The request's own signal aborts the call, and the
 * response's body while it is read. Trailers and 1xx responses are dropped, since the web's types
 * have none.
 *
 * Errors: none added. A request that is not http or https, and a response with a status below 200,
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
