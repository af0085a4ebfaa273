import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { systemClock, type Timer } from "@pagoda/core";
import type { ConnectionTerms } from "../connection-terms.ts";
import { coded } from "../faults.ts";
import { Limit } from "../limit.ts";
import type { Http2Call, Line } from "./call.ts";
import { KeepAlive } from "./keep-alive.ts";

/**
 * Assumed number of concurrent streams before SETTINGS arrive (the recommended minimum of RFC 9113,
 * section 6.5.2).
 */
const assumedStreams = 100;
/** Idle time before the system sends TCP keep-alive probes. */
const probeMs = 60_000;
/** Flow-control windows per stream and per connection. */
const streamWindow = 1_048_576;
const connectionWindow = 16 * streamWindow;

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
export class Session implements Line {
  streams = 0;
  readonly #keepAliveMs: number;
  readonly #owner: SessionOwner;
  readonly #socket: Socket;
  #session: ClientHttp2Session | undefined;
  /** Calls waiting for the connection. */
  #waiting: Http2Call[] = [];
  readonly #connecting = new Limit();
  #timer: Timer | undefined;
  #keepAlive: KeepAlive | undefined;
  readonly #pingMs: number;
  /** The last stream the origin will process, after a GOAWAY. */
  #lastStream = Infinity;
  /** A call was answered. */
  #isUsed = false;
  /** Timeouts since the last answer. */
  #timeouts = 0;
  /** Why the connection broke. */
  #error: Error | undefined;
  #isEnding = false;
  #isOver = false;

  constructor(terms: ConnectionTerms, url: string, keepAliveMs: number, owner: SessionOwner) {
    const { host, port, tls, connectTimeoutMs, pingMs } = terms;
    this.#keepAliveMs = keepAliveMs;
    this.#pingMs = pingMs;
    this.#owner = owner;
    const options = { host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: probeMs };
    const socket =
      tls === undefined ? connectTcp(options) : connectTls({ ...tls, ...options, ALPNProtocols: ["h2"] });
    this.#socket = socket;
    this.#connecting.set(connectTimeoutMs, "CONNECT_TIMEOUT", (error) => this.#end(error));
    const onError = (error: Error): void => this.#end(error);
    socket.on("error", onError);
    socket.once("close", () => this.#end(coded("ENDED", "connection closed")));
    socket.once(tls === undefined ? "connect" : "secureConnect", () => {
      if ("alpnProtocol" in socket && socket.alpnProtocol !== "h2") {
        this.#end(coded("NO_HTTP2", "origin did not negotiate HTTP/2"));
        return;
      }
      this.#begin(
        connect(url, {
          createConnection: () => socket,
          // Otherwise nghttp2 drops such fields, and the malformed response goes unnoticed.
          strictFieldWhitespaceValidation: false,
          settings: { initialWindowSize: streamWindow, enablePush: false },
        }),
      );
    });
  }

  get isConnected(): boolean {
    return this.#session !== undefined && !this.#isEnding;
  }

  /** Whether it accepts another call. */
  takes(): boolean {
    return !this.#isEnding && this.streams + this.#waiting.length < this.#allowed;
  }

  start(call: Http2Call): void {
    const session = this.#session;
    if (session === undefined) {
      this.#waiting.push(call);
      return;
    }
    this.#clear();
    if (this.streams++ === 0) session.ref();
    this.#keepAlive?.begin();
    call.start(session, this);
  }

  ended(): void {
    if (--this.streams > 0) return;
    this.#session?.unref();
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

  isUnprocessed({ id }: ClientHttp2Stream): boolean {
    return id === undefined || id > this.#lastStream;
  }

  get isStale(): boolean {
    return this.#isUsed && this.#session?.destroyed === true;
  }

  /** Accepts no more calls, and closes once those in flight are over. */
  close(): void {
    this.#isEnding = true;
    if (this.#session !== undefined) this.#rest();
    else if (this.#waiting.length === 0) this.#end(coded("CLOSED", "transport closed"));
  }

  get #allowed(): number {
    return this.#session?.remoteSettings.maxConcurrentStreams ?? assumedStreams;
  }

  #begin(session: ClientHttp2Session): void {
    // Its streams receive the error, and it closes afterwards.
    session.on("error", (error) => (this.#error = error));
    session.once("connect", () => session.setLocalWindowSize(connectionWindow));
    session.on("goaway", (_code, lastStream) => {
      this.#lastStream = Math.min(this.#lastStream, lastStream);
      // Streams the origin has seen continue; new calls need another connection.
      this.#isEnding = true;
      this.#rest();
    });
    session.once("close", () => this.#end(this.#error ?? coded("ENDED", "connection closed")));
    // SETTINGS come first and contain the number of concurrent streams.
    session.once("remoteSettings", () => this.#opened(session));
  }

  #opened(session: ClientHttp2Session): void {
    this.#clear();
    this.#session = session;
    session.unref();
    if (this.#pingMs > 0)
      this.#keepAlive = new KeepAlive(session, this.#socket, this.#pingMs, {
        isUsed: () => this.streams > 0,
        silent: () => this.#end(coded("PING_TIMEOUT", `no data for ${this.#pingMs} ms after a PING`)),
      });
    // Resent calls are not in order.
    const waiting = this.#waiting.filter((call) => !call.isOver).toSorted((a, b) => a.order - b.order);
    this.#waiting = [];
    for (const call of waiting) {
      if (this.streams < this.#allowed) this.start(call);
      else this.#owner.again(call);
    }
    this.#rest();
  }

  /**
   * Without calls, closes the connection: at once if it is ending, otherwise after its idle time.
   */
  #rest(): void {
    const session = this.#session;
    if (this.streams > 0 || session === undefined) return;
    this.#clear();
    if (this.#isEnding) {
      session.close();
      return;
    }
    this.#timer = systemClock.setTimer(this.#keepAliveMs, () => this.close());
    (this.#timer as NodeJS.Timeout).unref();
  }

  #end(error: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#isEnding = true;
    this.#clear();
    this.#keepAlive?.stop();
    const waiting = this.#waiting;
    this.#waiting = [];
    if (this.#session === undefined) this.#socket.destroy();
    else if (!this.#session.destroyed) this.#session.destroy(error);
    this.#owner.gone();
    for (const call of waiting) call.failed(error, false);
  }

  #clear(): void {
    this.#connecting.clear();
    if (this.#timer !== undefined) systemClock.clearTimer(this.#timer);
    this.#timer = undefined;
  }
}
