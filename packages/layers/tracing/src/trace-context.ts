import {
  type Context,
  isSpanContextValid,
  type SpanContext,
  type TextMapGetter,
  type TextMapPropagator,
  type TextMapSetter,
  trace,
} from "@opentelemetry/api";
import { TraceState } from "./trace-state.ts";

const traceparent = "traceparent";
const tracestate = "tracestate";

/**
 * Reads and writes the W3C trace context: `traceparent` and `tracestate`. The layers use it where no other propagator
 * is given or registered with the API, so that a trace is carried on without an SDK, too.
 *
 * - A `traceparent` that is malformed, that has an id of zeros, or that stands there twice is as none.
 * - A later version is read as far as it is the known one; the ids of version `ff` are not.
 * - A malformed `tracestate` is dropped alone.
 * - Where nobody has begun a span since, the `traceparent` goes on as it came, to the letter. Else version 00 is
 *   written, with the flags that it knows: sampled and random.
 *
 * Source: W3C Trace Context, Level 2.
 */
export const traceContext: TextMapPropagator = {
  fields: () => [traceparent, tracestate],

  extract<Carrier>(context: Context, carrier: Carrier, getter: TextMapGetter<Carrier>): Context {
    const text = getter.get(carrier, traceparent);
    // Several fields of that name come as a list: who knows which one is right.
    if (typeof text !== "string") return context;
    const ids = idsOf(text);
    if (ids === undefined) return context;
    return trace.setSpanContext(context, new Incoming(text, ids, stateOf(getter.get(carrier, tracestate))));
  },

  inject<Carrier>(context: Context, carrier: Carrier, setter: TextMapSetter<Carrier>): void {
    const span = trace.getSpanContext(context);
    if (span === undefined) return;
    if (span instanceof Incoming) setter.set(carrier, traceparent, span.traceparent);
    else if (isSpanContextValid(span)) setter.set(carrier, traceparent, written(span));
    else return;
    const state = span.traceState?.serialize();
    if (state !== undefined && state !== "") setter.set(carrier, tracestate, state);
  },
};

interface Ids {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
}

/** The span of whoever called, with its field as it came. */
class Incoming implements SpanContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
  readonly isRemote = true;
  readonly traceState?: TraceState;
  readonly traceparent: string;

  constructor(text: string, { traceId, spanId, traceFlags }: Ids, state: TraceState | undefined) {
    this.traceId = traceId;
    this.spanId = spanId;
    this.traceFlags = traceFlags;
    if (state !== undefined) this.traceState = state;
    this.traceparent = text;
  }
}

// The API's own checks take capitals, too.
const pattern = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const sampled = 1;
/** Level 2: the trace id's last 7 bytes are random. */
const random = 2;

function idsOf(text: string): Ids | undefined {
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const [, version, traceId, spanId, flags, more] = match as unknown as string[];
  if (version === "ff" || (version === "00" && more !== undefined)) return undefined;
  // Of later versions only the sampled flag is known to mean the same.
  const traceFlags = Number.parseInt(flags as string, 16) & (version === "00" ? sampled | random : sampled);
  const ids = { traceId, spanId, traceFlags } as Ids;
  return isSpanContextValid(ids) ? ids : undefined;
}

function stateOf(fields: string | string[] | undefined): TraceState | undefined {
  if (fields === undefined) return undefined;
  return TraceState.parse(typeof fields === "string" ? fields : fields.join(","));
}

function written({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-0${traceFlags & (sampled | random)}`;
}
