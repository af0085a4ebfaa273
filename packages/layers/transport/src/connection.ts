import { connect, type Socket } from "node:net";
import { connect as connectTls, TLSSocket } from "node:tls";
import { type Body, type BodyBroken, emptyBody, HttpHeaders } from "@pagoda/http";
import type { Call, Carrier } from "./call.ts";
import type { ConnectionTerms } from "./connection-terms.ts";
import type { Deadline, Deadlines, Expiring } from "./deadlines.ts";
import { coded, timedOut } from "./faults.ts";
import { IdleWatch } from "./idle-watch.ts";
import { Limit } from "./limit.ts";
import { Malformed } from "./malformed.ts";
import { copyOf, ReadBuffer } from "./read-buffer.ts";
import type { ResponseHead } from "./response-head.ts";
import { type ResponseHandler, ResponseReader } from "./response-reader.ts";
import { isStaleness } from "./staleness.ts";
import { reset, type TunnelHandler, TunnelUpload } from "./tunnel-upload.ts";
import { Unsendable } from "./unsendable.ts";
import { Upload, type UploadHandler } from "./upload.ts";
import { holdWriteErrors } from "./write-errors.ts";

/** How long to wait for an answer to `Expect: 100-continue` before the body is sent anyway. */
const continueMs = 1_000;
/** How long to wait for a response that the origin may have sent before it closed. */
const lastWordsMs = 1_000;
/** Idle time before the system sends TCP keep-alive probes. */
const probeMs = 60_000;
/**
 * Bodies up to this size are written together with the head: two writes cost more than the copy.
 */
const maxTogether = 16_384;

/** Callbacks of a connection to its pool. */
export interface ConnectionOwner {
  free(connection: Connection): void;
  gone(connection: Connection): void;
  /** The origin has apparently not seen the call; it may be sent over another connection. */
  again(call: Call): void;
}

/**
 * One connection to an origin. It serves one call at a time, and only one if that opens a tunnel.
 */
export class Connection implements Carrier, ResponseHandler, UploadHandler, TunnelHandler, Expiring {
  /** How long the origin keeps it idle, in milliseconds, if the origin said so. */
  keepAliveMs: number | undefined;
  /** When it expires while idle. */
  expiresAt = 0;
  readonly #terms: ConnectionTerms;
  readonly #owner: ConnectionOwner;
  readonly #socket: Socket;
  readonly #reader = new ResponseReader(this);
  readonly #buffer = new ReadBuffer();
  readonly #idle: IdleWatch;
  #connected = false;
  #gone = false;
  #call: Call | undefined;
  #upload: Upload | TunnelUpload | undefined;
  /** The current call asks for a tunnel, or has one. */
  #isTunnel = false;
  #keepAlive = false;
  /** It has served an earlier call. */
  #used = false;
  /** Data has arrived since the current call was sent. */
  #heard = false;
  /** Reading is paused. */
  #paused = false;
  readonly #timer = new Limit();
  readonly #deadlines: Deadlines | undefined;
  /** Of the response head. */
  #deadline: Deadline | undefined;
  /** Writing failed. Data that has arrived is still read. */
  #writeError: Error | undefined;

  /** @param deadlines Of response heads; shared by all connections. */
  constructor(terms: ConnectionTerms, owner: ConnectionOwner, deadlines: Deadlines | undefined) {
    this.#terms = terms;
    this.#deadlines = deadlines;
    this.#owner = owner;
    const { host, port, tls } = terms;
    const onread = { buffer: () => this.#buffer.bytes, callback: (length: number) => this.#onRead(length) };
    const options = { host, port, onread, noDelay: true, keepAlive: true, keepAliveInitialDelay: probeMs };
    const socket = tls === undefined ? connect(options) : connectTls({ ...tls, ...options });
    this.#socket = socket;
    holdWriteErrors(socket, (error) => this.#writeFailed(error));
    this.#limit(terms.connectTimeoutMs, "CONNECT_TIMEOUT");
    socket.once(tls === undefined ? "connect" : "secureConnect", () => this.#onConnected());
    socket.on("end", () => this.#onEnd());
    socket.on("error", (error) => this.#close(error));
    socket.on("close", () => this.#close(coded("ENDED", "connection closed")));
    this.#idle = new IdleWatch(
      socket,
      terms.idleTimeoutMs,
      () => this.#call?.wantsMore !== true,
      () => this.#close(coded("IDLE_TIMEOUT", `no data for ${terms.idleTimeoutMs} ms`)),
    );
    socket.on("drain", () => this.#upload?.drained());
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** Sends a call's request now, or once connected. */
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
    // Nothing was sent yet, so another call can use the connection.
    if (this.#connected) this.#close(reason);
    else this.#owner.free(this);
  }

  destroy(): void {
    this.#close(coded("CLOSED", "transport closed"));
  }

  informed(head: ResponseHead): void {
    if (head.status !== 100) this.#call?.informed(head);
    else if (this.#call?.head.expectsContinue && this.#upload === undefined) this.#startUpload(this.#call);
  }

  answered(head: ResponseHead, bodiless: boolean): void {
    const call = this.#call;
    if (call === undefined) return;
    // An unfinished upload has its own time limit while the origin does not read it.
    this.#clear();
    this.#keepAlive = head.keepAlive && (bodiless || head.framing !== "close");
    this.keepAliveMs = head.keepAliveSeconds === undefined ? undefined : head.keepAliveSeconds * 1_000;
    call.answered(head, bodiless);
  }

  opened(head: ResponseHead): void {
    const call = this.#call;
    if (call === undefined) return;
    // What is left of the content would be taken for the tunnel's.
    if (!this.#isGiven(call))
      throw new Malformed("unexpected-upgrade", "origin switched protocols before the end of the request");
    this.#clear();
    // The origin may end before the client. The side that ends last closes the connection.
    this.#socket.allowHalfOpen = true;
    this.#upload = new TunnelUpload(this.#socket, this);
    call.answered(head, false);
    this.#upload.begin(call.request.body);
  }

  passed(): void {
    this.#idle.heard();
  }

  came(bytes: Buffer, from: number, to: number): void {
    const call = this.#call;
    if (call === undefined) return;
    if (this.#buffer.lends(to - from)) call.came(bytes.subarray(from, to), this.#buffer);
    else call.came(copyOf(bytes, from, to));
  }

  completed(trailers: HttpHeaders, clean: boolean): void {
    const call = this.#call;
    if (call === undefined) return;
    if (this.#upload instanceof TunnelUpload) return call.heardAll();
    this.#isTunnel = false;
    this.#call = undefined;
    this.#idle.stop();
    // An origin that answers before it has the whole request does not need the rest.
    const isGiven = this.#isGiven(call);
    if (
      this.#keepAlive &&
      clean &&
      isGiven &&
      this.#writeError === undefined &&
      this.#socket.writableLength === 0
    ) {
      this.#upload = undefined;
      // TLS delivers decrypted data even while paused, possibly including the end of the response.
      if (this.#paused) this.resume();
      this.#used = true;
      this.#socket.unref();
      this.#owner.free(this);
    } else this.#close(new Error("response complete"));
    call.completed(trailers);
  }

  blocked(isBlocked: boolean): void {
    if (isBlocked) this.#awaitHead();
    else this.#clear();
  }

  sent(): void {
    if (this.#call?.settled === false) this.#awaitHead();
    else this.#clear();
  }

  /** No response head in time. */
  expired(isLocal: boolean): void {
    this.#deadline = undefined;
    this.#close(timedOut("HEADERS_TIMEOUT", this.#terms.headersTimeoutMs, isLocal));
  }

  failed(error: Error | BodyBroken): void {
    this.#close(error);
  }

  /** Whether the whole request was sent, apart from a tunnel. */
  #isGiven({ head }: Call): boolean {
    return this.#upload === undefined ? !head.expectsContinue : this.#upload.over;
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
    const body = bodyBefore(call);
    if (body === undefined) {
      this.#socket.write(head.text, "latin1");
      return this.sent();
    }
    if (head.expectsContinue) {
      this.#socket.write(head.text, "latin1");
      this.#timer.run(continueMs, () => this.#startUpload(call));
      return;
    }
    try {
      const whole = body.take();
      if (whole !== undefined) return this.#sendWhole(head.text, whole, head.framing);
    } catch (cause) {
      // An observer of the body threw.
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
      return this.#close(new Unsendable(`Content-Length is ${framing} but the body has ${length} bytes`));
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
    this.#upload.begin(bodyBefore(call) ?? emptyBody);
  }

  #onRead(length: number): boolean {
    this.#heard = true;
    this.#idle.heard();
    try {
      this.#reader.read(this.#buffer.bytes, length);
    } catch (error) {
      this.#close(error as Error);
      return false;
    }
    const call = this.#call;
    this.#buffer.prepare(call !== undefined, length);
    if (call === undefined) return true;
    if (call.settled) this.#idle.start();
    this.#paused = !call.wantsMore;
    return !this.#paused;
  }

  #onEnd(): void {
    if (!this.#reader.endsWithConnection)
      return this.#close(coded("ENDED", "connection closed before the end of the response"));
    // A reset looks like an end if a write has reported it already or, on Node 22, if data came right
    // before it. Then this write fails, or one that is pending, within this turn of the event loop.
    if (!this.#socket.writableEnded && !(this.#socket instanceof TLSSocket)) this.#socket.write("");
    // oxlint-disable-next-line pagoda/injected-clock
    setImmediate(() => {
      if (this.#gone) return;
      if (isReset(this.#writeError)) this.#close(this.#writeError);
      else this.#reader.end();
    });
  }

  #writeFailed(error: Error): void {
    if (this.#gone) return;
    this.#writeError = error;
    const call = this.#call;
    if (call === undefined || !this.#connected || this.#upload instanceof TunnelUpload)
      return this.#close(error);
    this.#upload?.stop(error);
    // A response that has started continues until it ends or breaks.
    if (!call.settled) this.#limit(lastWordsMs, "ENDED");
  }

  /** Ends the connection and its call. Only the first call of this method has an effect. */
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
    // Before `gone`: a closing pool must wait for the call.
    if (isStale) this.#owner.again(call);
    this.#owner.gone(this);
    this.#upload?.stop(error instanceof Error ? error : new Error("upload broken"));
    // With TLS 1.3 an origin rejects a client only after the handshake, before it has read
    // anything.
    const isRefused = !this.#used && !this.#heard && isTlsAlert(cause);
    if (!isStale) call?.failed(cause, connected && !isRefused);
  }

  /** Closes the connection with this error code unless the limit is cleared in time. */
  #limit(ms: number, code: string): void {
    this.#clear();
    this.#timer.set(ms, code, (error) => this.#close(error));
  }

  #awaitHead(): void {
    this.#clear();
    this.#deadline = this.#deadlines?.add(this);
  }

  #clear(): void {
    this.#timer.clear();
    if (this.#deadline !== undefined) this.#deadlines?.remove(this.#deadline);
    this.#deadline = undefined;
  }
}

/** The body that is sent with the head; that of a tunnel waits until the tunnel is open. */
function bodyBefore({ head, request }: Call): Body | undefined {
  return head.tunnel === undefined ? request.body : request.upgradeContent;
}

function isReset(error: Error | undefined): error is Error {
  return (error as NodeJS.ErrnoException | undefined)?.code === "ECONNRESET";
}

function isTlsAlert(error: Error | BodyBroken): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code !== undefined && /^ERR_SSL_.*ALERT/.test(code);
}
