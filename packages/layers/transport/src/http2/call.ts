import { aborted, left, right } from "@pagoda/core";
import { type BodyBroken, HttpHeaders, type HttpRequest, PushBody, wantsWebSocket } from "@pagoda/http";
import { isBodilessStatus, trailersOf } from "@pagoda/http/grammar";
import {
  type ClientConnection,
  type ClientStream,
  type ClientStreamHandler,
  errorCode,
} from "@pagoda/http/http2";
import type { Origin, Result } from "../call.ts";
import { brokenBy, coded, transportFault, uploadBroken } from "../faults.ts";
import { IdleWatch } from "../idle-watch.ts";
import { Malformed } from "../malformed.ts";
import { safeMethods } from "../staleness.ts";
import { ActivityTimer } from "./activity-timer.ts";
import { isTimeout, named } from "./call-endings.ts";
import type { RequestFields } from "./request-fields.ts";
import { type HeadersLimit, RequestSender, type SenderHandler } from "./request-sender.ts";

/**
 * How often a call is resent over another connection to the same origin, each time because it was
 * not processed.
 */
const maxResends = 10;

/** The connection of a call. */
export interface Line {
  /** The stream has closed. */
  ended(): void;
  /** A response has arrived. */
  answered(): void;
  /** The call timed out. */
  timedOut(): void;
  /** The call waits for its body: `watchIdle` follows unless the body is complete by then. */
  waits(call: Http2Call): void;
  /** Resends the call over another connection. */
  again(call: Http2Call): void;
  /** The connection was reused and has broken. */
  readonly isStale: boolean;
}

/** What all calls to an origin share. */
export interface CallTerms {
  readonly origin: Origin;
  readonly idleTimeoutMs: number;
  readonly headers: HeadersLimit;
}

let calls = 0;

/**
 * One request and its response on an HTTP/2 stream. It is the response body as well.
 *
 * States: waiting for a connection, sent, answered (the result is settled and the body flows),
 * over. An abort or a cancelled body resets the stream; the connection stays open.
 */
export class Http2Call extends PushBody implements ClientStreamHandler, SenderHandler {
  readonly request: HttpRequest;
  /** Increases from call to call. */
  readonly order: number = ++calls;
  length: number | undefined;
  readonly #terms: CallTerms;
  readonly #head: RequestFields;
  readonly #sender: RequestSender;
  readonly #signal: AbortSignal | undefined;
  readonly #settle: (result: Result | Promise<never>) => void;
  readonly #over: () => void;
  #stream: ClientStream | undefined;
  #line: Line | undefined;
  #resends = 0;
  #activity: ActivityTimer | undefined;
  #idle: IdleWatch | undefined;
  #isPaused = false;
  #settled = false;
  #isOver = false;
  #trailers: HttpHeaders = HttpHeaders.empty;

  /**
   * @param settle Receives the result or rejection, once.
   * @param over Called once the stream has closed.
   */
  constructor(
    terms: CallTerms,
    request: HttpRequest,
    head: RequestFields,
    signal: AbortSignal | undefined,
    settle: (result: Result | Promise<never>) => void,
    over: () => void,
  ) {
    super();
    this.#terms = terms;
    this.request = request;
    this.#head = head;
    this.#sender = new RequestSender(head, terms.headers, this);
    this.#signal = signal;
    this.#settle = settle;
    this.#over = over;
    signal?.addEventListener("abort", this.#onAbort);
  }

  get isSettled(): boolean {
    return this.#settled || this.#isOver;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Sends the request over a connection. */
  start(connection: ClientConnection, line: Line): void {
    const { fields, bodiless, isTunnel } = this.#head;
    const { upgrade, method, body } = this.request;
    this.#line = line;
    if (upgrade !== undefined && !connection.peer.enableConnectProtocol) {
      line.ended();
      this.fail(coded("UPGRADE_UNSUPPORTED", "origin does not support upgrades over HTTP/2"), true);
      return;
    }
    this.#stream = connection.request(fields, isTunnel ? "CONNECT" : method, bodiless, this);
    this.#sender.start(this.#stream, body);
  }

  /** The call failed before or during the response. `connected`: it had a connection. */
  fail(error: Error | BodyBroken, connected: boolean): void {
    this.#sender.stop(error instanceof Error ? error : "upload broken");
    if (this.#settled) this.broken(brokenBy(error));
    else if ("_tag" in error) this.#end(left(uploadBroken(error)));
    else {
      const canResend = this.request.body.canRead;
      this.#end(left(transportFault(error, { ...this.#terms.origin, connected, canResend })));
    }
    this.#release();
  }

  informed(status: number, fields: readonly string[]): void {
    if (status === 100) return this.#sender.continued(this.#stream as ClientStream, this.request.body);
    try {
      this.request.onInformation?.(status, new HttpHeaders(fields));
    } catch (cause) {
      // A callback of the caller threw. This is not the origin's failure, so the call rejects.
      this.#end(Promise.reject(cause));
      this.#giveUp();
    }
  }

  responded(status: number, fields: string[], length: number | undefined, isLast: boolean): void {
    const line = this.#line as Line;
    line.answered();
    const headers = fields.length === 0 ? HttpHeaders.empty : new HttpHeaders(fields);
    // An origin that answers before it has the whole request does not need the rest: see `completed`.
    this.#sender.clear();
    if (this.#head.isTunnel && status < 300) return this.#opened(line, status, headers);
    const isBodiless = this.request.method === "HEAD" || isBodilessStatus(status);
    if (!isLast && !isBodiless) this.length = length;
    else if (this.request.method !== "HEAD" && status !== 304) this.length = 0;
    if (!isLast) line.waits(this);
    this.#give(status, headers);
  }

  data(piece: Buffer): boolean {
    this.passed();
    const wantsMore = this.push(piece);
    this.#isPaused = !wantsMore;
    return wantsMore;
  }

  trailers(fields: readonly string[]): void {
    const trailers = trailersOf(fields);
    if (trailers !== undefined) this.#trailers = trailers;
    else this.failed(new Malformed("trailers-too-long", "response has too many trailers"));
  }

  completed(): void {
    // From now on a pause of the reader does not suspend the idle timeout.
    this.#isPaused = false;
    // The client's side may still be open; `closed` reports the end of both.
    if (this.#sender.isTunnel) return this.finish();
    this.#sender.stop("response complete");
    this.finish(this.#trailers);
    this.#release();
    if (this.#stream?.isLocalOpen === true) this.#stream.reset(errorCode.noError);
  }

  drained(): void {
    this.passed();
    this.#sender.drained();
  }

  /** The stream closed, possibly without being processed. */
  closed(error: Error | undefined, isProcessed: boolean): void {
    const line = this.#line as Line;
    line.ended();
    if (error === undefined) return this.#release();
    if (this.#isOver) return;
    const cause = named(error);
    if (!this.#settled && this.#resends < maxResends && (!isProcessed || this.#isStale(line))) {
      this.#sender.stop(cause);
      if (this.request.body.canRead && !this.#head.isTunnel) return this.#again(line);
    }
    this.fail(cause, true);
  }

  /** Starts the idle timeout of the body. */
  watchIdle(): void {
    if (this.#isOver) return;
    const { idleTimeoutMs } = this.#terms;
    this.#activity = new ActivityTimer();
    this.#idle = new IdleWatch(
      this.#activity,
      idleTimeoutMs,
      () => this.#isPaused,
      () => this.timedOut(coded("IDLE_TIMEOUT", `no data for ${idleTimeoutMs} ms`)),
    );
    this.#idle.start();
  }

  passed(): void {
    if (this.#idle === undefined) return;
    this.#activity?.active();
    this.#idle.heard();
  }

  timedOut(error: Error): void {
    this.#line?.timedOut();
    this.failed(error);
  }

  /** The upload failed, or the response is malformed. */
  failed(error: Error | BodyBroken): void {
    this.fail(error, true);
    this.#stream?.reset(errorCode.cancel);
  }

  protected goOn(): void {
    this.#isPaused = false;
    this.#idle?.resumed();
    this.#stream?.resume();
  }

  protected stop(): void {
    this.#giveUp();
  }

  readonly #onAbort = (): void => {
    if (isTimeout(this.#signal?.reason)) this.#line?.timedOut();
    this.#end(left({ ...aborted(this.#signal as AbortSignal), upstream: this.#terms.origin.upstream }));
    this.#giveUp();
  };

  #giveUp(): void {
    this.#sender.stop("call aborted");
    this.#release();
    this.#stream?.reset(errorCode.cancel);
  }

  /** A 2xx status corresponds to 101 in HTTP/1.1 (RFC 8441, section 4). */
  #opened(line: Line, status: number, fields: HttpHeaders): void {
    const { upgrade, body } = this.request;
    line.waits(this);
    // A tunnel has no length, whatever the field says (RFC 9110, section 9.3.6).
    const headers = fields.delete("content-length");
    if (upgrade === undefined) this.#give(status, headers);
    else this.#give(101, wantsWebSocket(upgrade) ? headers.delete("sec-websocket-accept") : headers);
    this.#sender.openTunnel(this.#stream as ClientStream, body);
  }

  #give(status: number, headers: HttpHeaders): void {
    this.#end(right({ status, headers, body: this, statusText: undefined, fault: undefined, version: "2" }));
  }

  /** A safe request without a body is resent once over a new connection, as with HTTP/1.1. */
  #isStale({ isStale }: Line): boolean {
    return isStale && this.#resends === 0 && this.#head.bodiless && safeMethods.has(this.request.method);
  }

  #again(line: Line): void {
    this.#resends++;
    this.#sender.reset();
    this.#stream = undefined;
    this.#line = undefined;
    line.again(this);
  }

  #end(result: Result | Promise<never>): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#settle(result);
  }

  #release(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#sender.clear();
    this.#idle?.stop();
    this.#over();
  }
}
