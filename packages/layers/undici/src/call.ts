import { isBodiless, isFieldValue, readContentLength } from "@pagoda/http/grammar";
import {
  type Aborted,
  aborted,
  type AbortListener,
  type AbortWatch,
  type Either,
  left,
  right,
  whenAborted,
} from "@pagoda/core";
import { type HttpRequest, type HttpResponse, isUnread, PushBody, type TransportFault } from "@pagoda/http";
import type { Dispatcher } from "undici";
import type { SentRequest } from "./dispatch-options.ts";
import { brokenBy, transportFault, type UndiciError } from "./faults.ts";
import { fieldsOf, type UndiciFields } from "./response-fields.ts";

export type Result = Either<TransportFault | Aborted, HttpResponse>;

/** Shared by all calls to one origin. */
export interface Origin {
  readonly upstream: string;
  readonly headersTimeoutMs: number;
}

/** Bytes that HTTP/1.1 and undici agree on: it decodes the reason phrase as UTF-8. */
const ascii = /^[\t\x20-\x7e]*$/;

/**
 * One request and its response: undici's handler, and the response body as well, which gets the
 * chunks as undici reads them.
 *
 * States: queued in undici, started (it writes the request), answered (the result is settled and
 * the body flows), over. An abort while queued leaves the connection to the next call.
 */
export class Call extends PushBody implements Dispatcher.DispatchHandler, AbortListener {
  length: number | undefined;
  readonly #origin: Origin;
  readonly #request: HttpRequest;
  readonly #signal: AbortSignal | undefined;
  readonly #watch: AbortWatch | undefined;
  readonly #settle: (result: Result | Promise<never>) => void;
  readonly #over: () => void;
  #upload: SentRequest["body"] = null;
  #controller: Dispatcher.DispatchController | undefined;
  #settled = false;
  /** Why the call was given up before undici started it. */
  #givenUp: Error | undefined;
  #isOver = false;

  /**
   * @param settle Receives the result or rejection, once.
   * @param over Called once the call has ended, with its body.
   */
  constructor(
    origin: Origin,
    request: HttpRequest,
    signal: AbortSignal | undefined,
    settle: (result: Result | Promise<never>) => void,
    over: () => void,
  ) {
    super();
    this.#origin = origin;
    this.#request = request;
    this.#signal = signal;
    this.#settle = settle;
    this.#over = over;
    this.#watch = signal && whenAborted(signal, this);
  }

  start(dispatcher: Dispatcher, sent: SentRequest): void {
    this.#upload = sent.body;
    try {
      // undici's types do not know iterables, which its documentation lists.
      dispatcher.dispatch(sent as unknown as Dispatcher.DispatchOptions, this);
    } catch (error) {
      // A ProxyAgent throws for `Proxy-Authorization`.
      if ((error as UndiciError).code === "UND_ERR_INVALID_ARG") this.#failed(error as UndiciError);
      else this.#defect(error);
    }
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // `controller.abort` would close the connection, which the next call in the queue can use.
    if (this.#givenUp !== undefined) throw this.#givenUp;
    this.#controller = controller;
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: UndiciFields,
    statusText?: string,
  ): void {
    if (this.#isOver) return;
    const fields = fieldsOf((controller.rawHeaders as UndiciFields) ?? headers);
    if (status < 200) {
      try {
        this.#request.onInformation?.(status, fields);
      } catch (cause) {
        this.#defect(cause);
      }
      return;
    }
    const length = fields.get("content-length");
    if (length !== undefined && !isBodiless(this.#request.method, status))
      this.length = readContentLength(length);
    this.#end(
      right({
        status,
        headers: fields,
        body: this,
        statusText: isPhrase(statusText) ? statusText : undefined,
        fault: undefined,
        version: undefined,
      }),
    );
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#isOver && !this.push(chunk) && !this.#isOver) controller.pause();
  }

  onResponseEnd(controller: Dispatcher.DispatchController, trailers: UndiciFields): void {
    this.#release("response complete before the request");
    this.finish(fieldsOf((controller.rawTrailers as UndiciFields) ?? trailers));
  }

  onResponseError(_controller: Dispatcher.DispatchController | null, error: UndiciError): void {
    // A request without a mock is a mistake in a test, which no layer should handle.
    if (error.code === "UND_MOCK_ERR_MOCK_NOT_MATCHED") this.#defect(error);
    else this.#failed(error);
  }

  protected goOn(): void {
    // Later, because undici's parser cannot be resumed within a callback of another response.
    queueMicrotask(() => {
      if (!this.#isOver) this.#controller?.resume();
    });
  }

  protected stop(reason: unknown): void {
    this.#giveUp(reason instanceof Error ? reason : new Error("response body cancelled"));
  }

  onAbort(): void {
    this.#end(left({ ...aborted(this.#signal as AbortSignal), upstream: this.#origin.upstream }));
    this.#giveUp(new Error("caller aborted"));
  }

  /** The call failed before or during the response. */
  #failed(error: UndiciError): void {
    if (this.#isOver) return;
    const started = this.#controller !== undefined;
    this.#release(error);
    if (this.#settled) this.broken(brokenBy(error));
    else
      this.#end(
        left(transportFault(error, { ...this.#origin, started, canResend: isUnread(this.#request) })),
      );
  }

  /** A callback of the caller threw, or undici: this is not the origin's failure. */
  #defect(cause: unknown): void {
    this.#end(Promise.reject(cause));
    this.#giveUp(new Error("defect in a callback of the caller", { cause }));
  }

  #giveUp(reason: Error): void {
    if (this.#isOver) return;
    this.#givenUp = reason;
    this.#release(reason);
    this.#controller?.abort(reason);
  }

  #end(result: Result | Promise<never>): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#watch?.end();
    this.#settle(result);
  }

  #release(reason: Error | string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#upload?.stop(reason);
    this.#over();
  }
}

function isPhrase(text: string | undefined): text is string {
  return text !== undefined && isFieldValue(text) && ascii.test(text);
}
