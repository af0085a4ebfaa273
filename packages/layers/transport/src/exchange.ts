import { aborted, type Aborted } from "@pagoda/core";
import {
  type Body,
  bodyBroken,
  emptyBody,
  type HttpRequest,
  type HttpResponse,
  PushBody,
} from "@pagoda/core/http";
import { type Either, left, right } from "fp-ts/lib/Either.js";
import type { Dispatcher } from "undici";
import { faultOf, type TransportFault, uploadBroken } from "./faults.ts";
import { announcedLength, decodeFields, reasonPhrase } from "./headers.ts";
import { Upload } from "./upload.ts";

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
 * the body flows), over. An abort in the first ends it at once; undici hears of it when it has a connection, which
 * then serves another request.
 */
export class Exchange extends PushBody implements Dispatcher.DispatchHandler {
  length: number | undefined;
  /** The request's body: nothing, one piece, or piece by piece. */
  readonly payload: Uint8Array | Upload | null;
  readonly #origin: Origin;
  readonly #request: HttpRequest;
  readonly #signal: AbortSignal | undefined;
  readonly #settle: (result: Result) => void;
  readonly #over: (connected: boolean) => void;
  #controller: Dispatcher.DispatchController | undefined;
  #settled = false;
  #done = false;

  /**
   * @param settle Takes the result: once.
   * @param over The client is free again, its connection used or not: once.
   */
  constructor(
    origin: Origin,
    request: HttpRequest,
    signal: AbortSignal | undefined,
    settle: (result: Result) => void,
    over: (connected: boolean) => void,
  ) {
    super();
    this.#origin = origin;
    this.#request = request;
    this.payload = payloadOf(request.body);
    this.#signal = signal;
    this.#settle = settle;
    this.#over = over;
    signal?.addEventListener("abort", this.#onAbort);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Thrown before a byte was written, it fails the request alone; `controller.abort` would cost the connection.
    if (this.#done) throw gone();
    this.#controller = controller;
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
    // undici reads the phrase as UTF-8.
    const phrase = reasonPhrase(statusText, "utf8");
    this.#end(right({ status, headers, body: this, statusText: phrase, upstream, fault: undefined }));
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.push(chunk)) controller.pause();
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    this.#finished("the origin has answered");
    this.finish(decodeFields(controller.rawTrailers as Buffer[]));
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    const connected = this.#controller !== undefined;
    this.#finished(error);
    if (this.#settled) return this.broken(bodyBroken(error));
    const broken = (error as { readonly _tag?: unknown })._tag === "BodyBroken";
    this.#end(left(broken ? uploadBroken(error) : faultOf(error, { ...this.#origin, connected })));
  }

  protected goOn(): void {
    // undici's parser cannot be resumed while it is running, and a sink may be called by another body's parser.
    queueMicrotask(() => this.#controller?.resume());
  }

  protected stop(reason: unknown): void {
    this.#controller?.abort(reason instanceof Error ? reason : new Error("the body is not wanted"));
  }

  readonly #onAbort = (): void => {
    this.#end(left(aborted(this.#signal as AbortSignal)));
    if (this.#controller === undefined) this.#finished(gone());
    else this.#controller.abort(gone());
  };

  #end(result: Result): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#settle(result);
  }

  #finished(reason: Error | string): void {
    if (this.#done) return;
    this.#done = true;
    // An error costs more than all layers together: it is made only where there is an upload to stop.
    if (this.payload instanceof Upload) {
      this.payload.stop(typeof reason === "string" ? new Error(reason) : reason);
    }
    this.#over(this.#controller !== undefined);
  }
}

function payloadOf(body: Body): Uint8Array | Upload | null {
  if (body === emptyBody) return null;
  const whole = body.take();
  return whole === undefined ? new Upload(body) : whole.length === 0 ? null : whole;
}

function gone(): Error {
  return new Error("the caller has gone");
}
