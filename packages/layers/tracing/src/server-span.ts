import type { FromClient, HttpRequest, HttpResponse } from "@pagoda/http";
import { type Context, type Link, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import { layer, type Layer } from "@pagoda/core";
import { serverAttributes } from "./attributes.ts";
import { untold } from "./call-span.ts";
import { fieldGetter, propagatorOf, untraced } from "./carrier.ts";
import { type SpanOptions, Spans } from "./spans.ts";
import { traceContext } from "./trace-context.ts";

/** What a request carries once it belongs to a trace. */
export interface Traced {
  /** The OpenTelemetry context of the span around it, and the baggage: the parent of spans further in. */
  readonly trace: Context;
}

/** What `serverSpan` reads of a request: who asks stands there where a layer further out has found it out. */
export type ServerRequest = HttpRequest & Partial<FromClient>;

export interface ServerSpanOptions<in Req extends ServerRequest = ServerRequest> extends SpanOptions<Req> {
  /**
   * Whether the trace and the baggage that the peer at an address sends are believed. Default: everybody's are. A trace
   * of one who is not begins here, with a link to the other, whose fields go no further.
   */
  readonly trust?: (address: string) => boolean;
}

/**
 * A span for each call that is served. Takes the trace that the request belongs to from its fields, begins a span of the
 * kind `SERVER` in it, or a trace where there is none, and puts its context on the request as `trace`, where
 * {@link clientSpan} finds it. The context is the active one, too, for whatever else uses the OpenTelemetry API.
 *
 * It stands outside of what answers errors, so that it sees the responses made of them, and inside of what says who asks.
 * The span ends when the response's body has, whole or not.
 *
 * The span fails with a status of 500 or more, an error that comes out, a body that breaks, or a defect; not when the
 * client goes away. An error's tag is its `error.type`. What a tracer or a propagator throws goes to the API's `diag`,
 * and the call goes on.
 *
 * Errors: none.
 *
 * Cost per call: about 0.3 µs without an SDK, 1.3 µs where the request brings a trace; with one, the SDK's.
 *
 * Source: OpenTelemetry's semantic conventions for HTTP spans; W3C Trace Context.
 */
export function serverSpan<Req extends ServerRequest = ServerRequest>(
  options: ServerSpanOptions<Req> = {},
): Layer<Req, Traced, never, never, never, HttpResponse> {
  const { trust, query = false } = options;
  const spans = new Spans<Req>(options, { kind: "server", failsFrom: 500 });

  /** What the request says of its trace, and how it goes on. */
  function read(request: Req): { readonly sent: Context; readonly believed: boolean; readonly passed: Req } {
    const { peer, headers } = request;
    const believed = trust === undefined || peer === undefined || trust(peer.address);
    try {
      const propagator = propagatorOf(options.propagator);
      const sent = propagator.extract(ROOT_CONTEXT, headers, fieldGetter);
      return {
        sent,
        believed,
        passed: believed ? request : { ...request, headers: untraced(headers, propagator) },
      };
    } catch (error) {
      untold(error);
      const passed = believed ? request : { ...request, headers: untraced(headers, traceContext) };
      return { sent: ROOT_CONTEXT, believed, passed };
    }
  }

  return layer<Req, Traced, never, never, never, HttpResponse>("tracing", (inner) => ({
    options: { kind: "server" },
    call(request, signal) {
      const { sent, believed, passed } = read(request);
      const parent = believed ? sent : ROOT_CONTEXT;
      const links = believed ? undefined : linksTo(sent);
      const begun = spans.begin(request, parent, serverAttributes(request, query), links);
      const passedOn = { ...passed, trace: begun?.context ?? parent };
      if (begun === undefined) return inner.call(passedOn, signal);
      return spans.follow(inner, request, passedOn, signal, begun);
    },
  }));
}

function linksTo(sent: Context): Link[] {
  const context = trace.getSpanContext(sent);
  return context === undefined ? [] : [{ context }];
}
