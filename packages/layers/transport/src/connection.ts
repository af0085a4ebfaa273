import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { BodyBroken, HttpHeaders } from "@pagoda/http";
import type { Call, Carrier } from "./call.ts";
import { ConnectionLimits } from "./connection-limits.ts";
import type { ConnectionTerms } from "./connection-terms.ts";
import type { Deadlines } from "./deadlines.ts";
import { coded, isReset, isTlsAlert } from "./faults.ts";
import { IdleWatch } from "./idle-watch.ts";
import { Malformed } from "./malformed.ts";
import { openSocket } from "./open-socket.ts";
import { copyOf, ReadBuffer } from "./read-buffer.ts";
import type { ResponseHead } from "./response-head.ts";
import { RequestWriter, type RequestWriterHandler } from "./request-writer.ts";
import { type ResponseHandler, ResponseReader } from "./response-reader.ts";
import { isStaleness } from "./staleness.ts";
import { reset } from "./tunnel-upload.ts";
import { holdWriteErrors } from "./write-errors.ts";

/** How long to wait for a response that the origin may have sent before it closed. */
const lastWordsMs = 1_000;
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
export class Connection implements Carrier, ResponseHandler, RequestWriterHandler {
  /** How long the origin keeps it idle, in milliseconds, if the origin said so. */
  keepAliveMs: number | undefined;
  /** When it expires while idle. */
  expiresAt = 0;
  readonly #owner: ConnectionOwner;
  readonly #socket: Socket;
  readonly #reader = new ResponseReader(this);
  readonly #buffer = new ReadBuffer();
  readonly #idle: IdleWatch;
  readonly #writer: RequestWriter;
  #connected = false;
  #gone = false;
  #call: Call | undefined;
  /** The current call asks for a tunnel, or has one. */
  #isTunnel = false;
  #keepAlive = false;
  /** It has served an earlier call. */
  #used = false;
  /** Data has arrived since the current call was sent. */
  #heard = false;
  /** Reading is paused. */
  #paused = false;
  readonly #limits: ConnectionLimits;
  /** Writing failed. Data that has arrived is still read. */
  #writeError: Error | undefined;

  /** @param deadlines Of response heads; shared by all connections. */
  constructor(terms: ConnectionTerms, owner: ConnectionOwner, deadlines: Deadlines | undefined) {
    this.#limits = new ConnectionLimits(terms.headersTimeoutMs, deadlines, (error) => this.#close(error));
    this.#owner = owner;
    const socket = openSocket(terms, {
      buffer: () => this.#buffer.bytes,
      callback: (length) => this.#onRead(length),
    });
    this.#socket = socket;
    this.#writer = new RequestWriter(socket, this.#limits, this);
    holdWriteErrors(socket, (error) => this.#writeFailed(error));
    this.#limits.set(terms.connectTimeoutMs, "CONNECT_TIMEOUT");
    socket.once(terms.tls === undefined ? "connect" : "secureConnect", () => this.#onConnected());
    socket.on("end", () => this.#onEnd());
    socket.on("error", (error) => this.#close(error));
    socket.on("close", () => this.#close(coded("ENDED", "connection closed")));
    this.#idle = new IdleWatch(
      socket,
      terms.idleTimeoutMs,
      () => this.#call?.wantsMore !== true,
      () => this.#close(coded("IDLE_TIMEOUT", `no data for ${terms.idleTimeoutMs} ms`)),
    );
    socket.on("drain", () => this.#writer.drained());
  }

  get isGone(): boolean {
    return this.#gone;
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
    if (this.#call === undefined) return;
    if (head.status === 100) this.#writer.continued(this.#call);
    else this.#call.informed(head);
  }

  answered(head: ResponseHead, bodiless: boolean): void {
    const call = this.#call;
    if (call === undefined) return;
    // An unfinished upload has its own time limit while the origin does not read it.
    this.#limits.clear();
    this.#keepAlive = head.keepAlive && (bodiless || head.framing !== "close");
    this.keepAliveMs = head.keepAliveSeconds === undefined ? undefined : head.keepAliveSeconds * 1_000;
    call.answered(head, bodiless);
  }

  opened(head: ResponseHead): void {
    const call = this.#call;
    if (call === undefined) return;
    // What is left of the content would be taken for the tunnel's.
    if (!this.#writer.isGiven(call))
      throw new Malformed("unexpected-upgrade", "origin switched protocols before the end of the request");
    this.#limits.clear();
    // The origin may end before the client. The side that ends last closes the connection.
    this.#socket.allowHalfOpen = true;
    const upload = this.#writer.openTunnel();
    call.answered(head, false);
    upload.begin(call.request.body);
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
    if (this.#writer.isTunnel) return call.heardAll();
    this.#isTunnel = false;
    this.#call = undefined;
    this.#idle.stop();
    // An origin that answers before it has the whole request does not need the rest.
    const isGiven = this.#writer.isGiven(call);
    if (
      this.#keepAlive &&
      clean &&
      isGiven &&
      this.#writeError === undefined &&
      this.#socket.writableLength === 0
    ) {
      this.#writer.reset();
      // TLS delivers decrypted data even while paused, possibly including the end of the response.
      if (this.#paused) this.resume();
      this.#used = true;
      this.#socket.unref();
      this.#owner.free(this);
    } else this.#close(new Error("response complete"));
    call.completed(trailers);
  }

  blocked(isBlocked: boolean): void {
    if (isBlocked) this.#limits.awaitHead();
    else this.#limits.clear();
  }

  sent(): void {
    if (this.#call?.settled === false) this.#limits.awaitHead();
    else this.#limits.clear();
  }

  failed(error: Error | BodyBroken): void {
    this.#close(error);
  }

  #onConnected(): void {
    this.#connected = true;
    this.#limits.clear();
    if (this.#call === undefined) this.#socket.unref();
    else this.#send(this.#call);
  }

  #send(call: Call): void {
    const { head, request } = call;
    this.#reader.expect(request.method, head.tunnel);
    this.#isTunnel = head.tunnel !== undefined;
    this.#writer.send(call);
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
    if (call === undefined || !this.#connected || this.#writer.isTunnel) return this.#close(error);
    this.#writer.stop(error);
    // A response that has started continues until it ends or breaks.
    if (!call.settled) this.#limits.set(lastWordsMs, "ENDED");
  }

  /** Ends the connection and its call. Only the first call of this method has an effect. */
  #close(error: Error | BodyBroken): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#limits.clear();
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
    this.#writer.stop(error instanceof Error ? error : new Error("upload broken"));
    // With TLS 1.3 an origin rejects a client only after the handshake, before it has read
    // anything.
    const isRefused = !this.#used && !this.#heard && isTlsAlert(cause);
    if (!isStale) call?.failed(cause, connected && !isRefused);
  }
}
