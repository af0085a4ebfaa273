import {
  type Context,
  ROOT_CONTEXT,
  type SpanContext,
  type TextMapGetter,
  type TextMapPropagator,
  type TextMapSetter,
  trace,
  type TraceState,
} from "@opentelemetry/api";
import { W3CTraceContextPropagator } from "@opentelemetry/core";

/**
 * OpenTelemetry's propagator for the W3C trace context, for servers that may have no SDK. Used if
 * no other propagator is given or registered with the API.
 *
 * It differs from `W3CTraceContextPropagator` in what a proxy needs:
 *
 * - As long as no span was started, a `traceparent` passes unchanged, even one of a later version.
 * - If there are several, all are ignored, since none can be trusted.
 * - Only the flags known to the `traceparent`'s version are read, and no others are written.
 * - No empty `tracestate` is written.
 *
 * Source: W3C Trace Context, Level 2.
 */
export const traceContext: TextMapPropagator = {
  fields: () => w3c.fields(),

  extract<Carrier>(context: Context, carrier: Carrier, getter: TextMapGetter<Carrier>): Context {
    const traceparent = getter.get(carrier, "traceparent");
    if (typeof traceparent !== "string") return context;
    const sent = trace.getSpanContext(w3c.extract(ROOT_CONTEXT, carrier, getter));
    return sent === undefined ? context : trace.setSpanContext(context, new Received(traceparent, sent));
  },

  inject<Carrier>(context: Context, carrier: Carrier, setter: TextMapSetter<Carrier>): void {
    const span = trace.getSpanContext(context);
    if (span === undefined) return;
    w3c.inject(trace.setSpanContext(context, knownFlagsOf(span)), carrier, {
      set(to, name, value) {
        if (name === "traceparent" && span instanceof Received) setter.set(to, name, span.traceparent);
        else if (value !== "") setter.set(to, name, value);
      },
    });
  },
};

const w3c = new W3CTraceContextPropagator();

const sampled = 1;
/** Level 2: the last 7 bytes of the trace id are random. */
const random = 2;
const version00 = sampled | random;

/** The caller's span, with its `traceparent` unchanged. */
class Received implements SpanContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
  readonly isRemote = true;
  readonly traceState?: TraceState;
  readonly traceparent: string;

  constructor(traceparent: string, { traceId, spanId, traceFlags, traceState }: SpanContext) {
    this.traceId = traceId;
    this.spanId = spanId;
    // In later versions only the sampled flag is guaranteed to keep its meaning.
    this.traceFlags = traceFlags & (traceparent.startsWith("00") ? version00 : sampled);
    if (traceState !== undefined && traceState.serialize() !== "") this.traceState = traceState;
    this.traceparent = traceparent;
  }
}

/** Removes other flags, for which OpenTelemetry's propagator would write more than two digits. */
function knownFlagsOf(span: SpanContext): SpanContext {
  return span.traceFlags <= version00 ? span : { ...span, traceFlags: span.traceFlags & version00 };
}
