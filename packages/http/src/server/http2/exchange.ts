import { AbortSource, type Clock, isLeft, type Timer } from "@pagoda/core";
import { emptyBody } from "../../body.ts";
import { CutOff } from "../../cut-off.ts";
import { opensTunnel } from "../../grammar/status.ts";
import { trailersOf } from "../../grammar/trailers.ts";
import { isGrpc } from "../../grpc.ts";
import { HttpHeaders, type RawHeaders } from "../../headers.ts";
import { errorCode } from "../../http2/error-codes.ts";
import type { Awaiting } from "../../http2/outbox.ts";
import type { RequestFields } from "../../http2/request-fields.ts";
import type { ServerStream, ServerStreamHandler } from "../../http2/server-stream.ts";
import { type HttpRequest, type HttpResponse, type Peer, text } from "../../message.ts";
import type { Backlog } from "../backlog.ts";
import { clientGone, lingerMs, quietTooLong } from "../connections.ts";
import type { HttpDate } from "../http-date.ts";
import { type BodySource, IncomingBody } from "../incoming-body.ts";
import { internalError, type Refusal, refusalText } from "../refusal.ts";
import type { ServerContext } from "../server-context.ts";
import type { ExchangeStream, ResponseFlow } from "./exchange-stream.ts";
import { mayBeEmpty, readHead, requestOf } from "./request.ts";
import { furtherFields, send } from "./response.ts";
import { StreamPace } from "./stream-pace.ts";
import { open } from "./tunnel.ts";

/** The connection as seen by an exchange. */
export interface Surroundings {
  readonly server: ServerContext;
  readonly peer: Peer;
  readonly clock: Clock;
  /** The exchange is to be started once what has been read at once is processed. */
  ready(exchange: Exchange): void;
  /** The stream is closed, and what was sent is written. */
  over(exchange: Exchange): void;
}

/** A request and its response: a stream. */
export class Exchange implements ExchangeStream, ServerStreamHandler, BodySource, Awaiting {
  readonly id: number;
  readonly stream: ServerStream;
  headSent = false;
  flow: ResponseFlow | undefined;
  readonly #around: Surroundings;
  readonly #gone = new AbortSource();
  #body: IncomingBody | undefined;
  /** The request, until the stack is called. */
  #request: HttpRequest | undefined;
  /** Whether the request has a body is not known yet. */
  #isUndecided = false;
  #awaitsContinue = false;
  #isPaused = false;
  #isResponseSent = false;
  #isTunnel = false;
  #isOver = false;
  #linger: Timer | undefined;
  readonly #pace: StreamPace;
  #cameBytes = 0;
  #trailers: RawHeaders | undefined;
  /**
   * The server has answered by itself or broken the stream off: the stack's response is too late.
   */
  #isCutOff = false;

  constructor(stream: ServerStream, around: Surroundings) {
    this.id = stream.id;
    this.stream = stream;
    this.#around = around;
    this.#pace = new StreamPace(around.clock.now());
  }

  get backlog(): Backlog {
    return this.#around.server.backlog;
  }

  get date(): HttpDate {
    return this.#around.server.date;
  }

  get isUnheard(): boolean {
    return this.#body?.isCancelled === true;
  }

  /** Whether bytes wait for the client. */
  get isHeldUp(): boolean {
    return this.stream.isHeldUp;
  }

  /** The client is gone or was cut off. */
  lost(reason: DOMException = clientGone): void {
    this.#gone.abort(reason);
  }

  begin(fields: RequestFields, isLast: boolean): void {
    const { stream } = this;
    const { server } = this.#around;
    const head = readHead(fields, server.tunnels);
    if (!("method" in head)) this.#refuse(head, isLast);
    else {
      if (!isLast) this.#body = new IncomingBody(this, head.length);
      stream.begin(head.length, isLast);
      if (stream.isClosed) return;
      const request = requestOf(head, {
        scheme: server.scheme,
        body: this.#body ?? emptyBody,
        peer: this.#around.peer,
        onInformation: (status, headers) => this.#inform(status, headers),
      });
      this.#request = request;
      if (isLast) return this.#around.ready(this);
      this.#awaitsContinue = head.awaitsContinue;
      // Tunnels and gRPC streams may be slow for an unlimited time.
      if (!head.isTunnel && !isGrpc(request.headers)) this.#pace.measureBody();
      // A request that is not expected to have a body may end with an empty DATA frame instead of
      // its head. As an HTTP/1.1 request it would become a chunked one, which some servers refuse.
      this.#isUndecided = mayBeEmpty(head);
      if (!this.#isUndecided) this.#around.ready(this);
    }
  }

  /** Calls the stack, unless the request was cancelled in the meantime. */
  start(): void {
    const request = this.#request;
    if (request === undefined) return;
    this.#request = undefined;
    const { server } = this.#around;
    const defect = (cause: unknown): void => {
      server.defect(cause, request);
      if (this.headSent) this.stream.reset(errorCode.internalError);
      else send(internalError(), this, request.method, () => {});
    };
    server.call(request, this.#gone.signal).then((result) => {
      try {
        if (isLeft(result)) defect(result.left);
        else this.#answer(request, result.right, defect);
      } catch (cause) {
        defect(cause);
      }
    }, defect);
  }

  data(piece: Buffer): boolean {
    if (this.#isUndecided) this.#decide();
    this.#cameBytes += piece.length;
    const body = this.#body;
    // Nobody reads it: before the response is sent, the client has to wait.
    if (body === undefined || body.isCancelled) return this.#isResponseSent;
    body.arrived(piece);
    // Until it is read, only what the window allows may come.
    if (body.canRead) this.#isPaused = true;
    return !this.#isPaused;
  }

  trailers(fields: RawHeaders): void {
    this.#trailers = fields;
  }

  completed(): void {
    if (this.#isUndecided && this.#request !== undefined) {
      this.#request = { ...this.#request, body: emptyBody };
      this.#decide();
    }
    const trailers = this.#trailers === undefined ? HttpHeaders.empty : trailersOf(this.#trailers);
    if (trailers === undefined) this.#body?.breakOff(new Error("too many trailers"));
    else this.#body?.completed(trailers);
  }

  drained(): void {
    this.flow?.drained();
  }

  /**
   * The rest of the request is discarded for a while, as in HTTP/1.1. Then the stream is reset
   * without an error (RFC 9113, 8.1). After an immediate reset some clients would not see the
   * response.
   */
  responseSent(): void {
    this.#isResponseSent = true;
    if (this.#isTunnel) {
      if (this.isUnheard) this.stream.reset(errorCode.noError);
      return;
    }
    this.#linger = this.#around.clock.setTimer(lingerMs, () => this.stream.reset(errorCode.noError));
    if (this.#body?.canRead === true) this.#body.cancel();
    else if (this.#body === undefined || this.isUnheard) this.stream.resume();
  }

  closed(error: Error | undefined): void {
    if (this.#linger !== undefined) this.#around.clock.clearTimer(this.#linger);
    const { stream } = this;
    if (error !== undefined || !stream.isComplete) this.lost();
    this.#request = undefined;
    if (this.#body?.hasEnded === false) this.#body.breakOff(new Error("the client reset the stream"));
    this.flow?.closed();
    if (error === undefined) stream.awaitWritten(this);
    else this.written();
  }

  written(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#around.over(this);
  }

  bodyWanted(): void {
    if (this.#awaitsContinue && !this.headSent) this.stream.inform([":status", "100"]);
    this.#awaitsContinue = false;
    this.resume();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.stream.resume();
  }

  bodyDropped(): void {
    if (!this.#isResponseSent) this.#isPaused = true;
    else if (this.#isTunnel) this.stream.reset(errorCode.noError);
    else this.resume();
  }

  /**
   * Resets the stream when it has been idle for too long, or refuses a body that is too slow.
   *
   * @param lostMs How long the process was held up and could not check.
   * @param moves Whether a part of the response was certainly transferred.
   */
  look(now: number, lostMs: number, moves: boolean): void {
    const passed = this.#cameBytes + this.stream.sentBytes;
    const { limits } = this.#around.server;
    const isQuiet = this.#pace.isQuiet(now, lostMs, passed, moves, limits.quietMs);
    if (isQuiet) return this.cutOff(new CutOff(quietTooLong(limits.quietMs)));
    const why = this.#pace.lookAtBody(now, this.#body?.waits === true, this.#cameBytes, limits.body);
    if (why !== undefined) this.#refuseSlow(`the body ${why}`);
  }

  /** Breaks the response off and aborts the call. */
  cutOff(reason: CutOff): void {
    this.#isCutOff = true;
    this.#request = undefined;
    this.lost(reason);
    this.stream.reset(errorCode.cancel);
  }

  #decide(): void {
    this.#isUndecided = false;
    this.#around.ready(this);
  }

  #answer(request: HttpRequest, response: HttpResponse, defect: (cause: unknown) => void): void {
    if (this.#isCutOff || this.stream.isClosed) response.body.cancel();
    else if (opensTunnel(request, response.status)) {
      this.#isTunnel = true;
      open(request, response, this);
    } else send(response, this, request.method, defect);
  }

  #refuse(refusal: Refusal, isLast: boolean): void {
    this.#around.server.refused(refusal, this.#around.peer);
    if (refusal.isReset) return this.stream.fail(errorCode.protocolError, refusal.reason);
    this.stream.begin(undefined, isLast);
    send(text(refusalText(refusal), refusal.status), this, "GET", () => {});
  }

  #refuseSlow(reason: string): void {
    const refusal = { status: 408, reason } as const;
    this.#around.server.refused(refusal, this.#around.peer, true);
    if (this.headSent) return this.cutOff(new CutOff(reason));
    this.#isCutOff = true;
    this.#request = undefined;
    this.lost(new CutOff(reason));
    send(text(refusalText(refusal), refusal.status), this, "POST", () => {});
  }

  #inform(status: number, headers: HttpHeaders): void {
    // The body sends 100: see `bodyWanted`. HTTP/2 has no 101.
    if (status <= 101 || status > 199 || this.headSent) return;
    try {
      this.stream.inform([":status", String(status), ...furtherFields(headers)]);
    } catch {
      // The client can do without a 1xx response.
    }
  }
}
