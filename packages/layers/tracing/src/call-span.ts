import { isBodiless } from "@pagoda/http/grammar";
import { type CallNotes, type HttpResponse, upstreamOf } from "@pagoda/http";
import { type Attributes, diag, type Span, SpanStatusCode } from "@opentelemetry/api";
import { type Either, type Fault, faultOf, isLeft } from "@pagoda/core";
import { fieldAttributes, spanName, upstreamAttributes } from "./attributes.ts";

/** Differences between server and client spans. */
export interface Side {
  readonly kind: "server" | "client";
  /** Lowest status that is a failure: 500 for servers, 400 for clients. */
  readonly failsFrom: number;
}

/** Facts about a call that its span needs at the end. */
export interface CallInfo {
  readonly side: Side;
  readonly method: string;
  /** Whether the name is user-defined, so that the route does not change it. */
  readonly isNamed: boolean;
  readonly notes: CallNotes;
  readonly signal: AbortSignal | undefined;
  readonly responseHeaders: readonly string[];
}

/** The span of one call. It follows the call and ends exactly once, whatever happens. */
export class CallSpan {
  readonly #span: Span;
  readonly #info: CallInfo;
  #errorType: string | undefined;
  #isOver = false;

  constructor(span: Span, info: CallInfo) {
    this.#span = span;
    this.#info = info;
  }

  /** The call settled. With a response, the span continues to the end of the body. */
  settled(result: Either<unknown, HttpResponse>): void {
    const fault = faultOf(result);
    if (isLeft(result)) {
      this.#attempt(() => this.#failed(fault));
      return this.#end();
    }
    const response = result.right;
    this.#attempt(() => this.#answered(response, fault));
    try {
      response.body.observe((complete) => {
        if (!complete) this.#attempt(() => this.#incomplete(response));
        this.#end();
      });
    } catch (error) {
      // Otherwise the span would never end.
      reportError(error);
      this.#end();
    }
    if (!this.#isOver) this.#attempt(() => this.#span.addEvent("pagoda.response.head"));
  }

  /** The call ended with a defect. */
  broke(defect: unknown): void {
    this.#attempt(() => {
      const exception = defect instanceof Error ? defect : String(defect);
      this.#span.recordException(exception);
      this.#setError(typeof exception === "string" ? "_OTHER" : exception.name, String(defect));
    });
    this.#end();
  }

  /** @param fault `undefined` if the error is not a fault. */
  #failed(fault: Fault | undefined): void {
    this.#set(this.#upstream(fault));
    if (fault !== undefined) this.#fault(fault);
    const tag = fault?._tag ?? "_OTHER";
    // An abort is not a failure.
    if (tag !== "Aborted") this.#setError(tag, tag);
  }

  #answered({ status, headers }: HttpResponse, fault: Fault | undefined): void {
    const { side, responseHeaders } = this.#info;
    this.#set({
      "http.response.status_code": status,
      ...fieldAttributes("response", headers, responseHeaders),
      ...this.#upstream(fault),
    });
    if (fault !== undefined) this.#fault(fault);
    // The conventions omit the message if the status explains the error.
    if (status >= side.failsFrom) this.#setError(this.#errorType ?? String(status));
  }

  /** The response body was not read to its end, or broke. */
  #incomplete({ status }: HttpResponse): void {
    const { side, method, signal } = this.#info;
    this.#set({ "pagoda.response.complete": false });
    if (this.#errorType !== undefined) return;
    if (signal?.aborted) this.#setErrorType("Aborted");
    // A caller may stop reading early. A server reads everything, unless the response must not have
    // a body.
    else if (side.kind === "server" && !isBodiless(method, status)) {
      this.#setError("BodyBroken");
    }
  }

  #fault({ _tag, origin, retryable, retryAfterMs, cause }: Fault): void {
    this.#span.addEvent("pagoda.fault", {
      "pagoda.fault.tag": _tag,
      "pagoda.fault.origin": origin,
      "pagoda.fault.retryable": retryable,
      "pagoda.fault.retry_after_ms": retryAfterMs,
      "pagoda.fault.cause": cause instanceof Error ? cause.message : undefined,
    });
    this.#set({ "pagoda.fault.origin": origin });
    this.#setErrorType(_tag);
  }

  #upstream(fault: Fault | undefined): Attributes {
    const { side, notes } = this.#info;
    const upstream = upstreamOf(notes, fault);
    if (upstream === undefined) return {};
    return side.kind === "client" ? upstreamAttributes(upstream) : { "pagoda.upstream": upstream };
  }

  #setError(type: string, message?: string): void {
    this.#setErrorType(type);
    this.#span.setStatus({ code: SpanStatusCode.ERROR, ...(message !== undefined && { message }) });
  }

  #setErrorType(type: string): void {
    this.#errorType = type;
    this.#set({ "error.type": type });
  }

  #set(attributes: Attributes): void {
    this.#span.setAttributes(attributes);
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { side, notes, method, isNamed } = this.#info;
    this.#attempt(() => {
      const { route } = notes;
      if (side.kind === "server" && route !== undefined) {
        this.#set({ "http.route": route });
        if (!isNamed) this.#span.updateName(spanName(method, route));
      }
    });
    this.#attempt(() => this.#span.end());
  }

  /** Keeps failures of tracing from failing the call. */
  #attempt(run: () => void): void {
    try {
      run();
    } catch (error) {
      reportError(error);
    }
  }
}

/** Reports an exception of a tracer, span or propagator to the API's log. */
export function reportError(error: unknown): void {
  diag.error("@pagoda/tracing: tracing a call failed; the call continues", error);
}
