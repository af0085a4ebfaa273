import { type CallNotes, type HttpResponse, upstreamOf } from "@pagoda/http";
import { type Attributes, diag, type Span, SpanStatusCode } from "@opentelemetry/api";
import { type Fault, faultOf } from "@pagoda/core";
import { type Either, isLeft } from "fp-ts/lib/Either.js";
import { fieldAttributes, spanName, upstreamAttributes } from "./attributes.ts";

/** What differs between the two sides of a call. */
export interface Side {
  readonly kind: "server" | "client";
  /** Responses from this status on are failures: 500 for who serves, 400 for who calls. */
  readonly failsFrom: number;
}

/** What the end of a call's span needs to know of its beginning. */
export interface Beginning {
  readonly side: Side;
  readonly method: string;
  /** The name is the user's own: a route that is found later does not change it. */
  readonly isNamed: boolean;
  readonly notes: CallNotes;
  readonly signal: AbortSignal | undefined;
  readonly responseHeaders: readonly string[];
}

/** The span of one call: told how the call goes on, it ends once, whatever happens. */
export class CallSpan {
  readonly #span: Span;
  readonly #from: Beginning;
  #errorType: string | undefined;
  #isOver = false;

  constructor(span: Span, from: Beginning) {
    this.#span = span;
    this.#from = from;
  }

  /** The call has come out. With a response, it goes on until the body has ended. */
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
      // Nothing else would end the span.
      untold(error);
      this.#end();
    }
    if (!this.#isOver) this.#attempt(() => this.#span.addEvent("pagoda.response.head"));
  }

  /** The call has ended with a defect. */
  broke(defect: unknown): void {
    this.#attempt(() => {
      const exception = defect instanceof Error ? defect : String(defect);
      this.#span.recordException(exception);
      this.#fails(typeof exception === "string" ? "_OTHER" : exception.name, String(defect));
    });
    this.#end();
  }

  /** @param fault `undefined`: the error is not a fault. */
  #failed(fault: Fault | undefined): void {
    this.#set(this.#upstream(fault));
    if (fault !== undefined) this.#fault(fault);
    const tag = fault?._tag ?? "_OTHER";
    // Who goes away is no failure of anybody's.
    if (tag !== "Aborted") this.#fails(tag, tag);
  }

  #answered({ status, headers }: HttpResponse, fault: Fault | undefined): void {
    const { side, responseHeaders } = this.#from;
    this.#set({
      "http.response.status_code": status,
      ...fieldAttributes("response", headers, responseHeaders),
      ...this.#upstream(fault),
    });
    if (fault !== undefined) this.#fault(fault);
    // The status says why: the conventions want no message then.
    if (status >= side.failsFrom) this.#fails(this.#errorType ?? String(status));
  }

  /** The response's body was not read to its end, by this side or because it broke. */
  #incomplete({ status }: HttpResponse): void {
    const { side, method, signal } = this.#from;
    this.#set({ "pagoda.response.complete": false });
    if (this.#errorType !== undefined) return;
    if (signal?.aborted) this.#type("Aborted");
    // A caller may have had enough. A server reads all, unless the response must not have a body.
    else if (side.kind === "server" && method !== "HEAD" && status !== 204 && status !== 304) {
      this.#fails("BodyBroken");
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
    this.#type(_tag);
  }

  #upstream(fault: Fault | undefined): Attributes {
    const { side, notes } = this.#from;
    const upstream = upstreamOf(notes, fault);
    if (upstream === undefined) return {};
    return side.kind === "client" ? upstreamAttributes(upstream) : { "pagoda.upstream": upstream };
  }

  #fails(type: string, message?: string): void {
    this.#type(type);
    this.#span.setStatus({ code: SpanStatusCode.ERROR, ...(message !== undefined && { message }) });
  }

  #type(type: string): void {
    this.#errorType = type;
    this.#set({ "error.type": type });
  }

  #set(attributes: Attributes): void {
    this.#span.setAttributes(attributes);
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const { side, notes, method, isNamed } = this.#from;
    this.#attempt(() => {
      const { route } = notes;
      if (side.kind === "server" && route !== undefined) {
        this.#set({ "http.route": route });
        if (!isNamed) this.#span.updateName(spanName(method, route));
      }
    });
    this.#attempt(() => this.#span.end());
  }

  /** What goes wrong in the tracing of a call is no reason for the call to fail. */
  #attempt(run: () => void): void {
    try {
      run();
    } catch (error) {
      untold(error);
    }
  }
}

/** Tells the API's own log what was thrown while a call was traced: by a tracer, or by a propagator. */
export function untold(error: unknown): void {
  diag.error("@pagoda/tracing: the tracing of a call has thrown; the call goes on", error);
}
