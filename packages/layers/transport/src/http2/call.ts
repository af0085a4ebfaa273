import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  constants,
  type OutgoingHttpHeaders,
} from "node:http2";
import { aborted, isFault } from "@pagoda/core";
import {
  type BodyBroken,
  HttpHeaders,
  type HttpRequest,
  PushBody,
  wantsWebSocket,
  withSingleLines,
} from "@pagoda/http";
import { hasOuterSpace, trailersOf } from "@pagoda/http/grammar";
import { left, right } from "fp-ts/lib/Either.js";
import type { Origin, Result } from "../call.ts";
import { brokenBy, coded, transportFault, uploadBroken } from "../faults.ts";
import { IdleWatch } from "../idle-watch.ts";
import { Limit } from "../limit.ts";
import { Malformed } from "../malformed.ts";
import { safeMethods } from "../staleness.ts";
import { TunnelUpload } from "../tunnel-upload.ts";
import { Unsendable } from "../unsendable.ts";
import type { RequestFields } from "./request-fields.ts";
import { resetName, withoutStatus } from "./response-fields.ts";
import { Upload } from "./upload.ts";
import { endedWhole, watchEnd } from "./whole-end.ts";

/** NGHTTP2_FLAG_END_STREAM: the response ends with its head. */
const endStream = 0x1;
/** How long to wait for an answer to `Expect: 100-continue` before the body is sent anyway. */
const continueMs = 1_000;

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
  /** Resends the call over another connection. */
  again(call: Http2Call): void;
  /** Whether the origin sent GOAWAY without processing this stream. */
  isUnprocessed(stream: ClientHttp2Stream): boolean;
  /** The connection was reused and has broken. */
  readonly isStale: boolean;
}

let calls = 0;

/**
 * One request and its response on an HTTP/2 stream. It is the response body as well.
 *
 * States: waiting for a connection, sent, answered (the result is settled and the body flows),
 * over. An abort or a cancelled body resets the stream; the connection stays open.
 */
export class Http2Call extends PushBody {
  readonly request: HttpRequest;
  /** Increases from call to call. */
  readonly order: number = ++calls;
  length: number | undefined;
  readonly #origin: Origin;
  readonly #head: RequestFields;
  readonly #idleTimeoutMs: number;
  readonly #signal: AbortSignal | undefined;
  readonly #settle: (result: Result | Promise<never>) => void;
  readonly #over: () => void;
  #stream: ClientHttp2Stream | undefined;
  #line: Line | undefined;
  #resends = 0;
  #upload: Upload | TunnelUpload | undefined;
  #timer: Limit | undefined;
  #idle: IdleWatch | undefined;
  #settled = false;
  #isOver = false;
  #trailers: HttpHeaders = HttpHeaders.empty;
  /** Bytes received of the response body. */
  #received = 0;

  /**
   * @param settle Receives the result or rejection, once.
   * @param over Called once the stream has closed.
   */
  constructor(
    origin: Origin,
    request: HttpRequest,
    head: RequestFields,
    idleTimeoutMs: number,
    signal: AbortSignal | undefined,
    settle: (result: Result | Promise<never>) => void,
    over: () => void,
  ) {
    super();
    this.#origin = origin;
    this.request = request;
    this.#head = head;
    this.#idleTimeoutMs = idleTimeoutMs;
    this.#signal = signal;
    this.#settle = settle;
    this.#over = over;
    signal?.addEventListener("abort", this.#onAbort);
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Sends the request over a connection. */
  start(session: ClientHttp2Session, line: Line): void {
    const { fields, bodiless, expectsContinue, isTunnel } = this.#head;
    this.#line = line;
    if (this.request.upgrade !== undefined && session.remoteSettings.enableConnectProtocol !== true) {
      line.ended();
      this.failed(coded("UPGRADE_UNSUPPORTED", "origin does not support upgrades over HTTP/2"), true);
      return;
    }
    let stream: ClientHttp2Stream;
    try {
      stream = withSingleLines(fields, (lines) =>
        session.request(lines as unknown as OutgoingHttpHeaders, {
          endStream: bodiless,
          waitForTrailers: !bodiless && !isTunnel,
        }),
      );
    } catch (error) {
      line.ended();
      // Node's validation errors are not the origin's fault.
      const cause = error as Error;
      this.failed(cause instanceof TypeError ? new Unsendable(cause.message, { cause }) : cause, true);
      return;
    }
    this.#stream = stream;
    watchEnd(stream);
    stream.on("response", (_headers, flags, raw: readonly string[]) => this.#answered(flags, raw));
    stream.on("headers", (_headers, _flags, raw: readonly string[]) => this.#informed(raw));
    stream.on("trailers", (_headers, _flags, raw: readonly string[]) => {
      const trailers = trailersOf(raw);
      if (raw.some(hasOuterSpace)) this.#broke(padded(), stream);
      else if (trailers !== undefined) this.#trailers = trailers;
      else this.#broke(new Malformed("trailers-too-long", "response has too many trailers"), stream);
    });
    stream.on("error", (error) => this.#lost(stream, line, error));
    stream.once("close", () => {
      line.ended();
      this.#lost(stream, line, undefined);
    });
    if (bodiless || isTunnel) this.#sent();
    else if (expectsContinue) (this.#timer ??= new Limit()).run(continueMs, () => this.#startUpload());
    else this.#startUpload();
  }

  /** The call failed before or during the response. `connected`: it had a connection. */
  failed(error: Error | BodyBroken, connected: boolean): void {
    this.#upload?.stop(error instanceof Error ? error : new Error("upload broken"));
    if (this.#settled) this.broken(brokenBy(error));
    else if ("_tag" in error) this.#end(left(uploadBroken(error)));
    else {
      const canResend = this.request.body.canRead;
      this.#end(left(transportFault(error, { ...this.#origin, connected, canResend })));
    }
    this.#release();
  }

  protected goOn(): void {
    this.#idle?.resumed();
    this.#stream?.resume();
  }

  protected stop(): void {
    this.#giveUp();
  }

  readonly #onAbort = (): void => {
    if (isTimeout(this.#signal?.reason)) this.#line?.timedOut();
    this.#end(left({ ...aborted(this.#signal as AbortSignal), upstream: this.#origin.upstream }));
    this.#giveUp();
  };

  #giveUp(): void {
    const stream = this.#stream;
    this.#upload?.stop(new Error("call aborted"));
    this.#release();
    stream?.close(constants.NGHTTP2_CANCEL);
  }

  #informed(raw: readonly string[]): void {
    const [status, headers] = withoutStatus(raw);
    if (status !== 100) this.#inform(status, headers);
    else if (this.#head.expectsContinue && this.#upload === undefined) this.#startUpload();
  }

  #inform(status: number, headers: HttpHeaders): void {
    try {
      this.request.onInformation?.(status, headers);
    } catch (cause) {
      // A callback of the caller threw. This is not the origin's failure, so the call rejects.
      this.#end(Promise.reject(cause));
      this.#giveUp();
    }
  }

  #answered(flags: number, raw: readonly string[]): void {
    this.#line?.answered();
    const stream = this.#stream as ClientHttp2Stream;
    if (raw.some(hasOuterSpace)) return this.#broke(padded(), stream);
    const [status, headers] = withoutStatus(raw);
    const isWhole = (flags & endStream) !== 0;
    if (this.#head.isTunnel && status < 300) return this.#opened(stream, status, headers);
    const announced = headers.get("content-length");
    if (isWhole) this.length = this.request.method === "HEAD" || status === 304 ? undefined : 0;
    else if (announced !== undefined) this.length = Number(announced);
    // An origin that answers before it has the whole request does not need the rest: see `end`.
    this.#clear();
    if (isWhole) this.#completed();
    else this.#read(stream);
    this.#give(status, headers);
  }

  /** A 2xx status corresponds to 101 in HTTP/1.1 (RFC 8441, section 4). */
  #opened(stream: ClientHttp2Stream, status: number, fields: HttpHeaders): void {
    const { upgrade, body } = this.request;
    this.#clear();
    this.#read(stream);
    // A tunnel has no length, whatever the field says (RFC 9110, section 9.3.6).
    const headers = fields.delete("content-length");
    if (upgrade === undefined) this.#give(status, headers);
    else this.#give(101, wantsWebSocket(upgrade) ? headers.delete("sec-websocket-accept") : headers);
    const upload = new TunnelUpload(stream, {
      passed: () => this.#idle?.heard(),
      failed: (error) => this.#broke(error, stream),
    });
    this.#upload = upload;
    stream.on("drain", () => upload.drained());
    upload.begin(body);
  }

  #read(stream: ClientHttp2Stream): void {
    // After a reset Node delivers received data only to explicit reads.
    if (stream.destroyed) return this.#drain(stream);
    stream.on("data", (piece: Buffer) => {
      this.#idle?.heard();
      if (!this.#took(piece, stream)) stream.pause();
    });
    stream.once("end", () => this.#completed());
    this.#idle = this.#watch(stream);
  }

  /** Reads the data left in a closed stream. */
  #drain(stream: ClientHttp2Stream): void {
    stream.removeAllListeners("data");
    for (let piece: Buffer | null; (piece = stream.read() as Buffer | null) !== null;) {
      this.#took(piece, stream);
    }
  }

  /** nghttp2 enforces the length of responses, except of those that refuse a CONNECT. */
  #took(piece: Buffer, stream: ClientHttp2Stream): boolean {
    this.#received += piece.length;
    if (this.length === undefined || this.#received <= this.length) return this.push(piece);
    this.#broke(new Malformed("body-too-long", "the body is longer than its Content-Length"), stream);
    return false;
  }

  #give(status: number, headers: HttpHeaders): void {
    this.#end(right({ status, headers, body: this, statusText: undefined, fault: undefined, version: "2" }));
  }

  #watch(stream: ClientHttp2Stream): IdleWatch {
    const silent = (): void => {
      this.#line?.timedOut();
      this.failed(coded("IDLE_TIMEOUT", `no data for ${this.#idleTimeoutMs} ms`), true);
      stream.close(constants.NGHTTP2_CANCEL);
    };
    const watch = new IdleWatch(stream, this.#idleTimeoutMs, () => stream.isPaused(), silent);
    watch.start();
    return watch;
  }

  #completed(): void {
    const stream = this.#stream as ClientHttp2Stream;
    // A reset or broken stream also ends its readable side; `close` handles those.
    if (stream.destroyed || stream.rstCode !== constants.NGHTTP2_NO_ERROR || !endedWhole(stream)) return;
    // The client's side may still be open; `close` reports the end of both.
    if (this.#upload instanceof TunnelUpload) return this.finish();
    if (this.length !== undefined && this.#received !== this.length) return;
    this.#upload?.stop(new Error("response complete"));
    if (stream.writable) stream.close(constants.NGHTTP2_NO_ERROR);
    this.finish(this.#trailers);
    this.#release();
  }

  #startUpload(): void {
    this.#clear();
    const stream = this.#stream as ClientHttp2Stream;
    this.#upload = new Upload(stream, this.#head.length, {
      // An origin that does not read the request has as long as one that does not answer.
      blocked: (isBlocked) => (isBlocked ? this.#sent() : this.#clear()),
      sent: () => this.#sent(),
      failed: (error) => this.#broke(error, stream),
    });
    this.#upload.begin(this.request.body);
  }

  /** The upload failed, or the response is malformed. */
  #broke(error: Error | BodyBroken, stream: ClientHttp2Stream): void {
    this.failed(error, true);
    stream.close(constants.NGHTTP2_CANCEL);
  }

  /** The whole request was sent: starts the timeout of the response headers. */
  #sent(): void {
    const { headersTimeoutMs } = this.#origin;
    if (this.#settled || this.#isOver || headersTimeoutMs === 0) return;
    this.#timer ??= new Limit();
    this.#timer.set(headersTimeoutMs, "HEADERS_TIMEOUT", (error) => {
      this.#line?.timedOut();
      this.failed(error, true);
      this.#stream?.close(constants.NGHTTP2_CANCEL);
    });
  }

  /** The stream closed, possibly without being processed. */
  #lost(stream: ClientHttp2Stream, line: Line, error: Error | undefined): void {
    // The call already uses another stream.
    if (this.#stream !== stream) return;
    const isUnprocessed = line.isUnprocessed(stream);
    const cause = isUnprocessed
      ? coded("REFUSED_STREAM", "origin closed the connection before processing the stream")
      : this.#named(stream, error);
    if (this.#settled) {
      if (!this.#isOver) this.#drain(stream);
    } else if (this.#resends < maxResends && (isUnprocessed || this.#isStale(line))) {
      this.#upload?.stop(cause);
      if (this.request.body.canRead && !this.#head.isTunnel) return this.#again(line);
    }
    this.failed(cause, true);
  }

  /** A safe request without a body is resent once over a new connection, as with HTTP/1.1. */
  #isStale({ isStale }: Line): boolean {
    return isStale && this.#resends === 0 && this.#head.bodiless && safeMethods.has(this.request.method);
  }

  #again(line: Line): void {
    this.#resends++;
    this.#clear();
    this.#stream = undefined;
    this.#line = undefined;
    this.#upload = undefined;
    line.again(this);
  }

  #named({ rstCode: code }: ClientHttp2Stream, error: Error | undefined): Error {
    if (code !== constants.NGHTTP2_NO_ERROR && !isOfConnection(error))
      return coded(resetName(code), `origin reset the stream: ${resetName(code)}`);
    return error ?? coded("ENDED", "stream closed before the end of the response");
  }

  #end(result: Result | Promise<never>): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#settle(result);
  }

  #clear(): void {
    this.#timer?.clear();
  }

  #release(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#clear();
    this.#idle?.stop();
    this.#over();
  }
}

/** Such a response is malformed (RFC 9113, section 8.2.1). */
function padded(): Malformed {
  return new Malformed("field-value", "whitespace around a field value in the response");
}

/** Whether an error broke the whole connection. It says more than the error code of the stream. */
function isOfConnection(error: Error | undefined): error is NodeJS.ErrnoException {
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return code !== undefined && !code.startsWith("ERR_HTTP2_");
}

/**
 * Whether a signal was aborted because the origin took too long, and not because the answer is no
 * longer wanted or because of a deadline set by the client, which says nothing about the origin.
 */
function isTimeout(reason: unknown): boolean {
  const isLate = (reason as Error | undefined)?.name === "TimeoutError";
  const fault = isLate ? (reason as Error).cause : reason;
  return isFault(fault) ? fault.origin === "upstream" : isLate;
}
