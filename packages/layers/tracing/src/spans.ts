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
import type { Service } from "@pagoda/core";
import type { Either } from "fp-ts/lib/Either.js";
import { fieldAttributes, spanName } from "./attributes.ts";
import { CallSpan, type Side, untold } from "./call-span.ts";

/** What both sides' spans have in common. */
export interface SpanOptions<in Req extends HttpRequest = HttpRequest> {
  /** Begins the spans. Default: the API's, by the name `@pagoda/tracing`, which does nothing until an SDK is registered. */
  readonly tracer?: Tracer;
  /** Reads and writes the fields. Default: the one registered with the API, or else `traceContext`. */
  readonly propagator?: TextMapPropagator;
  /** The span's name, of which there must be few. Default: the method, and for a server the route. */
  readonly name?: (request: Req) => string;
  /** Further attributes, for spans that are recorded. */
  readonly attributes?: (request: Req) => Attributes;
  /** Fields of the request that become attributes. Default: none. */
  readonly requestHeaders?: readonly string[];
  /** Fields of the response that become attributes. Default: none. */
  readonly responseHeaders?: readonly string[];
  /** Whether the query is recorded, which may hold secrets. Default: no. */
  readonly query?: boolean;
}

/** A span that has begun, and the context for what is further in. */
interface Begun {
  readonly span: Span;
  readonly context: Context;
}

/** Begins the spans of a layer and follows its calls. */
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
   * Begins the span of a call.
   *
   * @returns `undefined` when the tracer throws.
   * @throws What the user's `name` throws.
   */
  begin(request: Req, parent: Context, attributes: Attributes, links?: Link[]): Begun | undefined {
    const name = this.#options.name?.(request) ?? spanName(request.method);
    try {
      const options = { kind: this.#kind, attributes, ...(links && { links }) };
      const span = this.#tracer.startSpan(name, options, parent);
      const own = span.spanContext();
      // Without an SDK the span is the parent's, or nobody's: then there is nothing to pass on, and a context is dear.
      const isNew = own.spanId !== INVALID_SPANID && own !== trace.getSpanContext(parent);
      return { span, context: isNew ? trace.setSpan(parent, span) : parent };
    } catch (error) {
      untold(error);
      return undefined;
    }
  }

  /**
   * Makes the call, with the span's context as the active one, and tells the span how it goes.
   *
   * @param request As it came to the layer.
   * @param passedOn As inner gets it.
   */
  follow<Inner, Res extends HttpResponse, Err>(
    inner: Service<Inner, Res, Err>,
    request: Req,
    passedOn: Inner,
    signal: AbortSignal | undefined,
    { span, context }: Begun,
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
      untold(error);
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

/** A span that is not recorded has no end, but a tracer of one's own may want to hear of it. */
function endNow(span: Span): void {
  try {
    span.end();
  } catch (error) {
    untold(error);
  }
}
