import type { FromClient, HttpRequest, HttpResponse } from "@pagoda/http";
import { type Context, type Link, ROOT_CONTEXT, trace } from "@opentelemetry/api";
import { layer, type Layer } from "@pagoda/core";
import { serverAttributes } from "./attributes.ts";
import { reportError } from "./call-span.ts";
import { fieldGetter, propagatorOf, untraced } from "./carrier.ts";
import { type SpanOptions, Spans } from "./spans.ts";
import { traceContext } from "./trace-context.ts";

/** Added to requests that belong to a trace. */
export interface Traced {
  /** OpenTelemetry context with the enclosing span and the baggage. Parent of inner spans. */
  readonly trace: Context;
}

/** Requests accepted by `serverSpan`. They carry a client if an outer layer identified it. */
export type ServerRequest = HttpRequest & Partial<FromClient>;

export interface ServerSpanOptions<in Req extends ServerRequest = ServerRequest> extends SpanOptions<Req> {
  /**
   * Returns whether to accept trace and baggage from the peer at an address. Default: all peers.
   * For an untrusted peer a new trace is started, with a link to the one it sent, whose headers are
   * removed.
   */
  readonly trust?: (address: string) => boolean;
}

/**
 * Creates a `SERVER` span for each incoming call. Extracts the trace from the request's headers, or
 * starts a new one, and sets the span's context as the request's `trace`, where {@link clientSpan}
 * finds it. It is also the active context for other users of the OpenTelemetry API.
 *
 * Place it outside of `respond`, so that it sees error responses, and inside the layer that
 * identifies clients. The span ends with the response body, complete or not.
 *
 * The span fails with a status of 500 or more, an error, a broken body, or a defect, but not with
 * an abort. The tag of an error is its `error.type`. Exceptions of a tracer or a propagator are
 * reported to the API's `diag`, and the call continues.
 *
 * Errors: none.
 *
 * Cost per call: about 0.3 µs without an SDK, 1.3 µs if the request has a trace; with an SDK, its
 * cost.
 *
 * Source: OpenTelemetry's semantic conventions for HTTP spans; W3C Trace Context.
 */
export function serverSpan<Req extends ServerRequest = ServerRequest>(
  options: ServerSpanOptions<Req> = {},
): Layer<Req, Traced, never, never, never, HttpResponse> {
  const { trust, query = false } = options;
  const spans = new Spans<Req>(options, { kind: "server", failsFrom: 500 });

  /** Extracts the trace, and removes its headers if the peer is not trusted. */
  function read(request: Req): { readonly sent: Context; readonly trusted: boolean; readonly passed: Req } {
    const { peer, headers } = request;
    const trusted = trust === undefined || peer === undefined || trust(peer.address);
    try {
      const propagator = propagatorOf(options.propagator);
      const sent = propagator.extract(ROOT_CONTEXT, headers, fieldGetter);
      return {
        sent,
        trusted,
        passed: trusted ? request : { ...request, headers: untraced(headers, propagator) },
      };
    } catch (error) {
      reportError(error);
      const passed = trusted ? request : { ...request, headers: untraced(headers, traceContext) };
      return { sent: ROOT_CONTEXT, trusted, passed };
    }
  }

  return layer<Req, Traced, never, never, never, HttpResponse>("tracing", (inner) => ({
    options: { kind: "server" },
    call(request, signal) {
      const { sent, trusted, passed } = read(request);
      const parent = trusted ? sent : ROOT_CONTEXT;
      const links = trusted ? undefined : linksTo(sent);
      const started = spans.start(request, parent, serverAttributes(request, query), links);
      const passedOn = { ...passed, trace: started?.context ?? parent };
      if (started === undefined) return inner.call(passedOn, signal);
      return spans.follow(inner, request, passedOn, signal, started);
    },
  }));
}

function linksTo(sent: Context): Link[] {
  const context = trace.getSpanContext(sent);
  return context === undefined ? [] : [{ context }];
}
