import type { HttpRequest, HttpResponse } from "@pagoda/http";
import { context as contexts } from "@opentelemetry/api";
import { layer, type Layer } from "@pagoda/core";
import { clientAttributes } from "./attributes.ts";
import { untold } from "./call-span.ts";
import { injected, propagatorOf } from "./carrier.ts";
import type { Traced } from "./server-span.ts";
import { type SpanOptions, Spans } from "./spans.ts";

/** What `clientSpan` reads of a request: the trace stands there inside of a `serverSpan`. */
export type ClientRequest = HttpRequest & Partial<Traced>;

export interface ClientSpanOptions<in Req extends ClientRequest = ClientRequest> extends SpanOptions<Req> {}

/**
 * A span for each call that is made, and with it the fields that carry the trace to whoever is called: they replace what
 * stood there. The span is of the kind `CLIENT`; its parent is the context that the request has as `trace`, else
 * OpenTelemetry's active one.
 *
 * It stands inside of a retry and a hedge, so that each try has a span of its own; outside of a balancer, or in the stack
 * of each endpoint. The span ends when the response's body has, whole or not: a try whose body breaks has failed, too.
 * When the head comes before that, an event says when.
 *
 * The span fails with a status of 400 or more, an error that comes out, or a defect; not when the caller goes away. What
 * a tracer or a propagator throws goes to the API's `diag`, and the call goes on.
 *
 * Errors: none.
 *
 * Cost per call: about 0.2 µs without an SDK, 1 µs where there is a trace to carry on; with one, the SDK's.
 *
 * Source: OpenTelemetry's semantic conventions for HTTP spans; W3C Trace Context. That an upstream's span ends with the
 * body is Envoy's way.
 */
export function clientSpan<Req extends ClientRequest = ClientRequest>(
  options: ClientSpanOptions<Req> = {},
): Layer<Req, Traced, never, never, never, HttpResponse> {
  const { query = false } = options;
  const spans = new Spans<Req>(options, { kind: "client", failsFrom: 400 });

  return layer<Req, Traced, never, never, never, HttpResponse>("tracing", (inner) => ({
    options: { kind: "client" },
    call(request, signal) {
      const parent = request.trace ?? contexts.active();
      const begun = spans.begin(request, parent, clientAttributes(request, query));
      const trace = begun?.context ?? parent;
      let { headers } = request;
      try {
        headers = injected(headers, trace, propagatorOf(options.propagator));
      } catch (error) {
        untold(error);
      }
      const passedOn = { ...request, headers, trace };
      if (begun === undefined) return inner.call(passedOn, signal);
      return spans.follow(inner, request, passedOn, signal, begun);
    },
  }));
}
