import { layer, type Layer, right } from "@pagoda/core";
import { type HttpRequest, type HttpResponse, httpResponse, text } from "@pagoda/http";

/**
 * Decrements `Max-Forwards` (RFC 9110, 7.6.2), which limits the hops of OPTIONS and TRACE requests
 * so that a client can find a faulty one. At 0 it responds itself: to OPTIONS with 200, to TRACE
 * with 501, since a reflected request would reveal headers added by other hops. A value that is not
 * a number is passed on unchanged.
 *
 * Place it outside the layers that forward the request, and inside metrics, logs and limits.
 *
 * Errors: none.
 */
export function maxForwards(): Layer<HttpRequest, unknown, never, never, HttpResponse> {
  return layer<HttpRequest, unknown, never, never, HttpResponse>("max-forwards", (inner) => ({
    call(request, signal) {
      const { method, headers } = request;
      if (method !== "OPTIONS" && method !== "TRACE") return inner.call(request, signal);
      const value = headers.get("max-forwards");
      if (value === undefined || !/^\d{1,9}$/.test(value)) return inner.call(request, signal);
      const left = Number(value);
      if (left === 0) return Promise.resolve(right(lastHop(method)));
      return inner.call({ ...request, headers: headers.set("max-forwards", String(left - 1)) }, signal);
    },
  }));
}

function lastHop(method: "OPTIONS" | "TRACE"): HttpResponse {
  return method === "OPTIONS" ? httpResponse(200) : text("501 TRACE is not supported\n", 501);
}
