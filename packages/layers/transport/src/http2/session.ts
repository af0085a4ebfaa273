import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { systemClock, type Timer } from "@pagoda/core";
import { ClientConnection, type ClientConnectionHandler } from "@pagoda/http/http2";
import type { ConnectionTerms } from "../connection-terms.ts";
import { coded } from "../faults.ts";
import { Limit } from "../limit.ts";
import { holdWriteErrors } from "../write-errors.ts";
import type { Http2Call, Line } from "./call.ts";
import { KeepAlive } from "./keep-alive.ts";

/**
 * Assumed number of concurrent streams before SETTINGS arrive (the recommended minimum of RFC 9113,
 * section 6.5.2).
 */
const assumedStreams = 100;
/** Idle time before the system sends TCP keep-alive probes. */
const probeMs = 60_000;
/** How long to wait for what the origin may have sent before it closed. */
const lastWordsMs = 1_000;

/** Size of the buffers that are read into. */
const readBytes = 65_536;

/** Consecutive timeouts after which a connection accepts no more calls. */
const maxTimeouts = 3;

/** Callbacks of a connection to its pool. */
export interface SessionOwner {
  /** A call that waited for the connection exceeds its capacity. */
  again(call: Http2Call): void;
  /** A call was not processed on this connection and must be resent over another one. */
  resent(call: Http2Call): void;
  gone(): void;
}

/** One connection: connecting, open, or ending. While ending it accepts no calls. */
export class Session implements Line, ClientConnectionHandler {
  streams = 0;
  readonly #keepAliveMs: number;
  readonly #owner: SessionOwner;
  readonly #socket: Socket;
  #connection: ClientConnection | undefined;
  /** Where the next read goes. */
  #buffer: Buffer = Buffer.allocUnsafeSlow(readBytes);
  /** The origin's SETTINGS have arrived. */
  #isOpen = false;
  /** Calls waiting for the connection. */
  #waiting: Http2Call[] = [];
  readonly #connecting = new Limit();
  #timer: Timer | undefined;
  #keepAlive: KeepAlive | undefined;
  readonly #pingMs: number;
  /** Calls whose responses have begun in this pass over what was read. */
  #unwatched: Http2Call[] = [];
  /** A call was answered. */
  #isUsed = false;
  /** Timeouts since the last answer. */
  #timeouts = 0;
  /** Writing failed. What has arrived is still read. */
  #writeError: Error | undefined;
  #isEnding = false;
  #isOver = false;

  constructor(terms: ConnectionTerms, keepAliveMs: number, owner: SessionOwner) {
    const { host, port, tls, connectTimeoutMs, pingMs } = terms;
    this.#keepAliveMs = keepAliveMs;
    this.#pingMs = pingMs;
    this.#owner = owner;
    const onread = { buffer: () => this.#buffer, callback: (length: number) => this.#onRead(length) };
    const options = { host, port, onread, noDelay: true, keepAlive: true, keepAliveInitialDelay: probeMs };
    const socket =
      tls === undefined ? connect(options) : connectTls({ ...tls, ...options, ALPNProtocols: ["h2"] });
    this.#socket = socket;
    this.#connecting.set(connectTimeoutMs, "CONNECT_TIMEOUT", (error) => this.closed(error));
    holdWriteErrors(socket, (error) => this.#writeFailed(error));
    socket.on("error", (error) => this.closed(error));
    socket.once("close", () => this.closed(coded("ENDED", "connection closed")));
    socket.once(tls === undefined ? "connect" : "secureConnect", () => {
      if ("alpnProtocol" in socket && socket.alpnProtocol !== "h2")
        return this.closed(coded("NO_HTTP2", "origin did not negotiate HTTP/2"));
      this.#connection = new ClientConnection(socket, this);
    });
  }

  get isConnected(): boolean {
    return this.#isOpen && !this.#isEnding;
  }

  /** Whether it accepts another call. */
  takes(): boolean {
    return !this.#isEnding && this.streams + this.#waiting.length < this.#allowed;
  }

  start(call: Http2Call): void {
    const connection = this.#connection;
    if (!this.#isOpen || connection === undefined) {
      this.#waiting.push(call);
      return;
    }
    this.#clear();
    if (this.streams++ === 0) this.#socket.ref();
    this.#keepAlive?.begin();
    call.start(connection, this);
  }

  ended(): void {
    if (--this.streams > 0) return;
    this.#socket.unref();
    this.#rest();
  }

  again(call: Http2Call): void {
    this.#owner.resent(call);
  }

  answered(): void {
    this.#isUsed = true;
    this.#timeouts = 0;
  }

  timedOut(): void {
    if (++this.#timeouts < maxTimeouts) return;
    // The connection itself may be broken, and then further calls would time out as well.
    this.#isEnding = true;
    this.#rest();
  }

  waits(call: Http2Call): void {
    this.#unwatched.push(call);
  }

  get isStale(): boolean {
    return this.#isUsed && this.#connection?.isClosed === true;
  }

  /** Accepts no more calls, and closes once those in flight are over. */
  close(): void {
    this.#isEnding = true;
    if (this.#isOpen) this.#rest();
    else if (this.#waiting.length === 0) this.closed(coded("CLOSED", "transport closed"));
  }

  opened(): void {
    this.#clear();
    this.#isOpen = true;
    this.#socket.unref();
    const connection = this.#connection as ClientConnection;
    if (this.#pingMs > 0)
      this.#keepAlive = new KeepAlive(connection, this.#socket, this.#pingMs, {
        isUsed: () => this.streams > 0,
        silent: () => this.closed(coded("PING_TIMEOUT", `no data for ${this.#pingMs} ms after a PING`)),
      });
    // Resent calls are not in order.
    const waiting = this.#waiting.filter((call) => !call.isOver).toSorted((a, b) => a.order - b.order);
    this.#waiting = [];
    // Other connections would not take any either.
    const takesNone = this.#allowed === 0;
    if (takesNone) this.#isEnding = true;
    for (const call of waiting) {
      if (this.streams < this.#allowed) this.start(call);
      else if (takesNone) call.fail(coded("REFUSED_STREAM", "origin allows no streams"), true);
      else this.#owner.again(call);
    }
    this.#rest();
  }

  leaving(): void {
    // Streams the origin has seen continue; new calls need another connection.
    this.#isEnding = true;
    this.#rest();
  }

  readPassed(): void {
    if (this.#unwatched.length === 0) return;
    const calls = this.#unwatched;
    this.#unwatched = [];
    for (const call of calls) call.watchIdle();
  }

  /** Ends the connection and its calls. Only the first call of this method has an effect. */
  closed(error: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#isEnding = true;
    this.#clear();
    this.#keepAlive?.stop();
    const waiting = this.#waiting;
    this.#waiting = [];
    const cause = this.#writeError ?? error;
    this.#connection?.destroy(cause);
    if (this.#connection === undefined || this.#writeError !== undefined) this.#socket.destroy();
    this.#owner.gone();
    for (const call of waiting) call.fail(cause, false);
  }

  get #allowed(): number {
    return this.#isOpen ? (this.#connection as ClientConnection).peer.maxConcurrentStreams : assumedStreams;
  }

  #onRead(length: number): boolean {
    const isKept = this.#connection?.read(this.#buffer, length);
    if (isKept === true) this.#buffer = Buffer.allocUnsafeSlow(readBytes);
    return true;
  }

  #writeFailed(error: Error): void {
    if (this.#isOver) return;
    if (!this.#isOpen) return this.closed(error);
    this.#isEnding = true;
    this.#writeError = error;
    this.#clear();
    this.#connecting.set(lastWordsMs, "ENDED", (late) => this.closed(late));
  }

  /**
   * Without calls, closes the connection: at once if it is ending, otherwise after its idle time.
   */
  #rest(): void {
    if (this.streams > 0 || !this.#isOpen || this.#isOver) return;
    this.#clear();
    if (this.#isEnding) {
      this.#connection?.close();
      return;
    }
    this.#timer = systemClock.setTimer(this.#keepAliveMs, () => this.close());
    (this.#timer as NodeJS.Timeout).unref();
  }

  #clear(): void {
    this.#connecting.clear();
    if (this.#timer !== undefined) systemClock.clearTimer(this.#timer);
    this.#timer = undefined;
  }
}
