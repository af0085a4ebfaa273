import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { type BodyBroken, HttpHeaders } from "@pagoda/http";
import type { Call, Carrier } from "./call.ts";
import type { ConnectionTerms } from "./connection-terms.ts";
import { coded } from "./faults.ts";
import { IdleWatch } from "./idle-watch.ts";
import { Limit } from "./limit.ts";
import type { ResponseHead } from "./response-head.ts";
import { type ResponseHandler, ResponseReader } from "./response-reader.ts";
import { isStaleness } from "./staleness.ts";
import { reset, type TunnelHandler, TunnelUpload } from "./tunnel-upload.ts";
import { Unsendable } from "./unsendable.ts";
import { Upload, type UploadHandler } from "./upload.ts";
import { holdWriteErrors } from "./write-errors.ts";

/** How long an origin may say nothing to `Expect: 100-continue` before the body is sent anyway. */
const continueMs = 1_000;
/** How long an answer is waited for that an origin may have given before it closed. */
const lastWordsMs = 1_000;
/** How long a connection may be silent before the system asks whether the other side is still there. */
const probeMs = 60_000;
/** Bodies up to this size go in one write with the head: two writes cost more than the copy. */
const maxTogether = 16_384;

/**
 * Where all sockets put what they read. The platform reads and calls back in one go, and what outlives that is copied,
 * so one piece of memory is enough for all.
 */
const readBuffer = Buffer.allocUnsafeSlow(65_536);

/** Whom a connection tells when it can be used again, or not any more. */
export interface ConnectionOwner {
  free(connection: Connection): void;
  gone(connection: Connection): void;
  /** The call has not been heard of by the origin, as far as one can know, and may go over another connection. */
  again(call: Call): void;
}

/** One connection to an origin, for one call at a time; for one call only where that opens a tunnel. */
export class Connection implements Carrier, ResponseHandler, UploadHandler, TunnelHandler {
  /** Milliseconds that the origin keeps it unused, where it said so. */
  keepAliveMs: number | undefined;
  /** When it stops being worth keeping, while it is unused. */
  expiresAt = 0;
  readonly #terms: ConnectionTerms;
  readonly #owner: ConnectionOwner;
  readonly #socket: Socket;
  readonly #reader = new ResponseReader(this);
  readonly #idle: IdleWatch;
  #connected = false;
  #gone = false;
  #call: Call | undefined;
  #upload: Upload | TunnelUpload | undefined;
  /** The present call asks for a tunnel, or has one. */
  #isTunnel = false;
  #keepAlive = false;
  /** It has served a call before. */
  #used = false;
  /** Something has come since the present call was sent. */
  #heard = false;
  /** The socket was told to read no further. */
  #paused = false;
  readonly #timer = new Limit();
  /** Nothing more can be written; what has come is read first. */
  #writeError: Error | undefined;

  constructor(terms: ConnectionTerms, owner: ConnectionOwner) {
    this.#terms = terms;
    this.#owner = owner;
    const { host, port, tls } = terms;
    const onread = { buffer: readBuffer, callback: (length: number) => this.#onRead(length) };
    const options = { host, port, onread, noDelay: true, keepAlive: true, keepAliveInitialDelay: probeMs };
    const socket = tls === undefined ? connect(options) : connectTls({ ...tls, ...options });
    this.#socket = socket;
    holdWriteErrors(socket, (error) => this.#writeFailed(error));
    this.#limit(terms.connectTimeoutMs, "CONNECT_TIMEOUT");
    socket.once(tls === undefined ? "connect" : "secureConnect", () => this.#onConnected());
    socket.on("end", () => this.#onEnd());
    socket.on("error", (error) => this.#close(error));
    socket.on("close", () => this.#close(coded("ENDED", "the connection was closed")));
    this.#idle = new IdleWatch(
      socket,
      terms.idleTimeoutMs,
      () => this.#call?.wantsMore !== true,
      () => this.#close(coded("IDLE_TIMEOUT", `nothing came for ${terms.idleTimeoutMs} ms`)),
    );
    socket.on("drain", () => this.#upload?.drained());
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** Sends a call's request now, or when there is a connection. */
  start(call: Call): void {
    this.#call = call;
    this.#heard = false;
    call.goesOver(this);
    if (!this.#connected) return;
    this.#socket.ref();
    this.#send(call);
  }

  resume(): void {
    this.#idle.resumed();
    this.#paused = false;
    this.#socket.resume();
  }

  giveUp(reason: Error): void {
    this.#call = undefined;
    // Nothing has been sent yet: the connection is as good for another call.
    if (this.#connected) this.#close(reason);
    else this.#owner.free(this);
  }

  destroy(): void {
    this.#close(coded("CLOSED", "the transport was closed"));
  }

  informed(head: ResponseHead): void {
    if (head.status !== 100) this.#call?.informed(head);
    else if (this.#call?.head.expectsContinue && this.#upload === undefined) this.#startUpload(this.#call);
  }

  answered(head: ResponseHead, bodiless: boolean): void {
    const call = this.#call;
    if (call === undefined) return;
    // An upload that is still going on has its own limit while the origin does not take it.
    this.#clear();
    this.#keepAlive = head.keepAlive && (bodiless || head.framing !== "close");
    this.keepAliveMs = head.keepAliveSeconds === undefined ? undefined : head.keepAliveSeconds * 1_000;
    call.answered(head, bodiless);
  }

  opened(head: ResponseHead): void {
    const call = this.#call;
    if (call === undefined) return;
    this.#clear();
    // The origin may end before the client does; whoever ends last closes the connection.
    this.#socket.allowHalfOpen = true;
    this.#upload = new TunnelUpload(this.#socket, this);
    call.answered(head, false);
    this.#upload.begin(call.request.body);
  }

  passed(): void {
    this.#idle.heard();
  }

  came(piece: Buffer): void {
    this.#call?.came(piece);
  }

  completed(trailers: HttpHeaders, clean: boolean): void {
    const call = this.#call;
    if (call === undefined) return;
    if (this.#upload instanceof TunnelUpload) return call.heardAll();
    this.#isTunnel = false;
    this.#call = undefined;
    this.#idle.stop();
    // An origin that answers before it has the whole request does not want the rest.
    const isGiven = this.#upload === undefined ? !call.head.expectsContinue : this.#upload.over;
    if (
      this.#keepAlive &&
      clean &&
      isGiven &&
      this.#writeError === undefined &&
      this.#socket.writableLength === 0
    ) {
      this.#upload = undefined;
      // What TLS has deciphered comes although the socket was paused, and may be the response's end.
      if (this.#paused) this.resume();
      this.#used = true;
      this.#socket.unref();
      this.#owner.free(this);
    } else this.#close(new Error("the origin has answered"));
    call.completed(trailers);
  }

  blocked(isBlocked: boolean): void {
    if (isBlocked) this.#limit(this.#terms.headersTimeoutMs, "HEADERS_TIMEOUT");
    else this.#clear();
  }

  sent(): void {
    if (this.#call?.settled === false) this.#limit(this.#terms.headersTimeoutMs, "HEADERS_TIMEOUT");
    else this.#clear();
  }

  failed(error: Error | BodyBroken): void {
    this.#close(error);
  }

  #onConnected(): void {
    this.#connected = true;
    this.#clear();
    if (this.#call === undefined) this.#socket.unref();
    else this.#send(this.#call);
  }

  #send(call: Call): void {
    const { head, request } = call;
    this.#reader.expect(request.method, head.tunnel);
    this.#isTunnel = head.tunnel !== undefined;
    if (this.#isTunnel) {
      this.#socket.write(head.text, "latin1");
      return this.sent();
    }
    if (head.expectsContinue) {
      this.#socket.write(head.text, "latin1");
      this.#timer.run(continueMs, () => this.#startUpload(call));
      return;
    }
    try {
      const whole = request.body.take();
      if (whole !== undefined) return this.#sendWhole(head.text, whole, head.framing);
    } catch (cause) {
      // Whoever observes the body threw.
      return call.defect(cause);
    }
    this.#socket.cork();
    this.#socket.write(head.text, "latin1");
    this.#startUpload(call);
    if (!this.#gone) this.#socket.uncork();
  }

  #sendWhole(text: string, whole: Uint8Array, framing: number | "chunked"): void {
    const { length } = whole;
    if (framing !== "chunked" && framing !== length) {
      return this.#close(new Unsendable(`the body has ${length} bytes where ${framing} were announced`));
    }
    if (length > maxTogether) {
      this.#upload = new Upload(this.#socket, framing, this);
      this.#socket.cork();
      this.#socket.write(text, "latin1");
      this.#upload.write(whole);
      this.#upload.end(HttpHeaders.empty);
      return this.#socket.uncork();
    }
    const before = framing === "chunked" && length > 0 ? `${length.toString(16)}\r\n` : "";
    const end = framing === "chunked" ? `${before && "\r\n"}0\r\n\r\n` : "";
    const bytes = length === 0 ? "" : Buffer.from(whole.buffer, whole.byteOffset, length).toString("latin1");
    this.#socket.write(text + before + bytes + end, "latin1");
    this.sent();
  }

  #startUpload(call: Call): void {
    this.#clear();
    this.#upload = new Upload(this.#socket, call.head.framing, this);
    this.#upload.begin(call.request.body);
  }

  #onRead(length: number): boolean {
    this.#heard = true;
    this.#idle.heard();
    try {
      this.#reader.read(readBuffer, length);
    } catch (error) {
      this.#close(error as Error);
      return false;
    }
    const call = this.#call;
    if (call === undefined) return true;
    if (call.settled) this.#idle.start();
    this.#paused = !call.wantsMore;
    return !this.#paused;
  }

  #onEnd(): void {
    if (!this.#reader.end()) this.#close(coded("ENDED", "the connection ended before the response did"));
  }

  #writeFailed(error: Error): void {
    if (this.#gone) return;
    this.#writeError = error;
    const call = this.#call;
    if (call === undefined || !this.#connected || this.#upload instanceof TunnelUpload)
      return this.#close(error);
    this.#upload?.stop(error);
    // Who has answered goes on until its answer ends, or breaks.
    if (!call.settled) this.#limit(lastWordsMs, "ENDED");
  }

  /** Ends the connection and what goes over it, the first time that something says so. */
  #close(error: Error | BodyBroken): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#clear();
    const call = this.#call;
    this.#call = undefined;
    const connected = this.#connected;
    this.#connected = false;
    if (connected && this.#isTunnel) reset(this.#socket);
    this.#socket.destroy();
    const cause = call?.settled === false ? (this.#writeError ?? error) : error;
    const isStale = call !== undefined && this.#used && !this.#heard && isStaleness(cause, call);
    // Before this one is gone: a pool that is being closed waits for the call.
    if (isStale) this.#owner.again(call);
    this.#owner.gone(this);
    this.#upload?.stop(error instanceof Error ? error : new Error("the upload broke"));
    // With TLS 1.3 an origin says only after the handshake that it does not want this client: it has read nothing yet.
    const isRefused = !this.#used && !this.#heard && isTlsAlert(cause);
    if (!isStale) call?.failed(cause, connected && !isRefused);
  }

  /** Closes the connection with an error of that code when nothing clears the limit before. */
  #limit(ms: number, code: string): void {
    if (ms > 0) this.#timer.set(ms, code, (error) => this.#close(error));
    else this.#timer.clear();
  }

  #clear(): void {
    this.#timer.clear();
  }
}

function isTlsAlert(error: Error | BodyBroken): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code !== undefined && /^ERR_SSL_.*ALERT/.test(code);
}
