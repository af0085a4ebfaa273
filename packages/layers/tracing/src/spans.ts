import type { HttpRequest, HttpResponse } from "@pagoda/http";
import {
  type Attributes,
  context as contexts,
  type Context,
  INVALID_SPANID,
  type Link,
  type Span,
  SpanKind,
  type TextMapPropagator,
  trace,
  type Tracer,
} from "@opentelemetry/api";
import type { Either, Service } from "@pagoda/core";
import { fieldAttributes, spanName } from "./attributes.ts";
import { CallSpan, type Side, reportError } from "./call-span.ts";

/** Options of server and client spans. */
export interface SpanOptions<in Req extends HttpRequest = HttpRequest> {
  /** Starts the spans. Default: the API's `@pagoda/tracing`, a no-op until an SDK is registered. */
  readonly tracer?: Tracer;
  /**
   * Extracts and injects trace headers. Default: the one registered with the API, or else
   * `traceContext`.
   */
  readonly propagator?: TextMapPropagator;
  /** Name of the span, with low cardinality. Default: the method; for a server also the route. */
  readonly name?: (request: Req) => string;
  /** Additional attributes of recorded spans. */
  readonly attributes?: (request: Req) => Attributes;
  /** Request fields to record as attributes. Default: none. */
  readonly requestHeaders?: readonly string[];
  /** Response fields to record as attributes. Default: none. */
  readonly responseHeaders?: readonly string[];
  /** Records the query, which may contain secrets. Default false. */
  readonly query?: boolean;
}

/** A started span, and the context for inner layers. */
interface StartedSpan {
  readonly span: Span;
  readonly context: Context;
}

/** Starts the spans of a layer and follows its calls. */
export class Spans<Req extends HttpRequest> {
  readonly #options: SpanOptions<Req>;
  readonly #tracer: Tracer;
  readonly #side: Side;
  readonly #kind: SpanKind;

  constructor(options: SpanOptions<Req>, side: Side) {
    this.#options = options;
    this.#tracer = options.tracer ?? trace.getTracer("@pagoda/tracing");
    this.#side = side;
    this.#kind = side.kind === "server" ? SpanKind.SERVER : SpanKind.CLIENT;
  }

  /**
   * Starts the span of a call.
   *
   * @returns `undefined` if the tracer throws.
   * @throws Whatever the option `name` throws.
   */
  start(request: Req, parent: Context, attributes: Attributes, links?: Link[]): StartedSpan | undefined {
    const name = this.#options.name?.(request) ?? spanName(request.method);
    try {
      const options = { kind: this.#kind, attributes, ...(links && { links }) };
      const span = this.#tracer.startSpan(name, options, parent);
      const own = span.spanContext();
      // Without an SDK the span is the parent's or invalid. Creating a context would be expensive
      // and pointless.
      const isNew = own.spanId !== INVALID_SPANID && own !== trace.getSpanContext(parent);
      return { span, context: isNew ? trace.setSpan(parent, span) : parent };
    } catch (error) {
      reportError(error);
      return undefined;
    }
  }

  /**
   * Makes the call with the span's context as the active one, and records its course in the span.
   *
   * @param request The request as received.
   * @param passedOn The request as passed to inner.
   */
  follow<Inner, Res extends HttpResponse, Err>(
    inner: Service<Inner, Res, Err>,
    request: Req,
    passedOn: Inner,
    signal: AbortSignal | undefined,
    { span, context }: StartedSpan,
  ): Promise<Either<Err, Res>> {
    if (!span.isRecording()) {
      endNow(span);
      return callIn(context, inner, passedOn, signal);
    }
    const { name, responseHeaders = [] } = this.#options;
    const { method, notes } = request;
    const isNamed = name !== undefined;
    const call = new CallSpan(span, { side: this.#side, method, isNamed, notes, signal, responseHeaders });
    try {
      this.#describe(span, request);
      return callIn(context, inner, passedOn, signal).then(
        (result) => {
          call.settled(result);
          return result;
        },
        (defect: unknown) => {
          call.broke(defect);
          throw defect;
        },
      );
    } catch (defect) {
      call.broke(defect);
      throw defect;
    }
  }

  #describe(span: Span, request: Req): void {
    const { attributes, requestHeaders = [] } = this.#options;
    const own = attributes?.(request);
    try {
      if (requestHeaders.length > 0) {
        span.setAttributes(fieldAttributes("request", request.headers, requestHeaders));
      }
      if (own !== undefined) span.setAttributes(own);
    } catch (error) {
      reportError(error);
    }
  }
}

function callIn<Req, Res, Err>(
  context: Context,
  inner: Service<Req, Res, Err>,
  request: Req,
  signal: AbortSignal | undefined,
): Promise<Either<Err, Res>> {
  return contexts.with(context, inner.call, inner, request, signal);
}

/** Ends an unrecorded span. The SDK ignores it, but a custom tracer may not. */
function endNow(span: Span): void {
  try {
    span.end();
  } catch (error) {
    reportError(error);
  }
}
