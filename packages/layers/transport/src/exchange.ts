import { aborted, type Aborted } from "@pagoda/core";
import { bodyBroken, type HttpRequest, type HttpResponse, PushBody } from "@pagoda/core/http";
import { type Either, left, right } from "fp-ts/lib/Either.js";
import type { Dispatcher } from "undici";
import { faultOf, type TransportFault } from "./faults.ts";
import { announcedLength, decodeFields } from "./headers.ts";

export type Result = Either<TransportFault | Aborted, HttpResponse>;

/** What all exchanges with one origin have in common. */
export interface Origin {
  readonly upstream: string;
  readonly headersTimeoutMs: number;
}

/**
 * One request and its response, and the response's body at once: undici's parser calls it, and what it is given goes
 * straight on to whoever reads the body.
 *
 * It goes through these states: waiting for a connection (no `#controller` yet), sent, answered (the result is settled,
 * the body flows), over. An abort in the first leaves undici to find out when it has a connection.
 */
export class Exchange extends PushBody implements Dispatcher.DispatchHandler {
  length: number | undefined;
  readonly #origin: Origin;
  readonly #request: HttpRequest;
  readonly #signal: AbortSignal | undefined;
  readonly #settle: (result: Result) => void;
  readonly #over: () => void;
  #controller: Dispatcher.DispatchController | undefined;
  #settled = false;
  #done = false;

  /**
   * @param settle Takes the result: once.
   * @param over The connection is free again, or gone: once.
   */
  constructor(
    origin: Origin,
    request: HttpRequest,
    signal: AbortSignal | undefined,
    settle: (result: Result) => void,
    over: () => void,
  ) {
    super();
    this.#origin = origin;
    this.#request = request;
    this.#signal = signal;
    this.#settle = settle;
    this.#over = over;
    signal?.addEventListener("abort", this.#onAbort);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#settled) controller.abort(new Error("the caller has gone"));
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    _parsed: unknown,
    statusText?: string,
  ): void {
    const headers = decodeFields(controller.rawHeaders as Buffer[]);
    if (status < 200) {
      this.#request.onInformation?.(status, headers);
      return;
    }
    this.length = announcedLength(headers, this.#request.method, status);
    const { upstream } = this.#origin;
    this.#end(right({ status, headers, body: this, statusText, upstream, fault: undefined }));
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.push(chunk)) controller.pause();
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    this.#finished();
    this.finish(decodeFields(controller.rawTrailers as Buffer[]));
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#finished();
    if (this.#settled) return this.broken(bodyBroken(error));
    // The client went away in the middle of its upload.
    if ((error as { readonly _tag?: unknown })._tag === "BodyBroken") {
      return this.#end(left({ _tag: "Aborted", origin: "local", retryable: false, cause: error }));
    }
    this.#end(left(faultOf(error, { ...this.#origin, connected: this.#controller !== undefined })));
  }

  protected goOn(): void {
    this.#controller?.resume();
  }

  protected stop(reason: unknown): void {
    this.#controller?.abort(reason instanceof Error ? reason : new Error("the body is not wanted"));
  }

  readonly #onAbort = (): void => {
    this.#end(left(aborted(this.#signal as AbortSignal)));
    this.#controller?.abort(new Error("the caller has gone"));
  };

  #end(result: Result): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#settle(result);
  }

  #finished(): void {
    if (this.#done) return;
    this.#done = true;
    this.#over();
  }
}
