import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { systemClock, type Timer } from "@pagoda/core";
import type { ConnectionTerms } from "../connection-terms.ts";
import { coded } from "../faults.ts";
import { Limit } from "../limit.ts";
import type { Http2Call, Line } from "./call.ts";
import { KeepAlive } from "./keep-alive.ts";

/** What an origin is taken to allow before it has said so (RFC 9113, 6.5.2: it should not be less). */
const assumedStreams = 100;
/** How long a connection may be silent before the system asks whether the other side is still there. */
const probeMs = 60_000;
/** What an origin may send on each stream, and on all together, before it is read. */
const streamWindow = 1_048_576;
const connectionWindow = 16 * streamWindow;

/** With so many calls in a row that have timed out a connection takes no more of them. */
const maxTimeouts = 3;

/** Whom a connection tells what it cannot do. */
export interface SessionOwner {
  /** A call that has waited for the connection finds no room there. */
  again(call: Http2Call): void;
  /** A call was not processed on this connection, and goes over another one. */
  resent(call: Http2Call): void;
  gone(): void;
}

/** One connection. It is being made, open, or ending: then it takes no further calls. */
export class Session implements Line {
  streams = 0;
  readonly #keepAliveMs: number;
  readonly #owner: SessionOwner;
  readonly #socket: Socket;
  #session: ClientHttp2Session | undefined;
  /** Calls that wait until there is a connection. */
  #waiting: Http2Call[] = [];
  readonly #connecting = new Limit();
  #timer: Timer | undefined;
  #keepAlive: KeepAlive | undefined;
  readonly #pingMs: number;
  /** The last stream that the origin will process, once it has taken its leave. */
  #lastStream = Infinity;
  /** A call has been answered. */
  #isUsed = false;
  /** Calls that have timed out since one was answered. */
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
    socket.once("close", () => this.#end(coded("ENDED", "the connection was closed")));
    socket.once(tls === undefined ? "connect" : "secureConnect", () => {
      if ("alpnProtocol" in socket && socket.alpnProtocol !== "h2") {
        this.#end(coded("NO_HTTP2", "the origin does not speak HTTP/2 over TLS"));
        return;
      }
      this.#begin(
        connect(url, {
          createConnection: () => socket,
          // Or nghttp2 drops such a field, and nobody sees that the response is malformed.
          strictFieldWhitespaceValidation: false,
          settings: { initialWindowSize: streamWindow, enablePush: false },
        }),
      );
    });
  }

  get isConnected(): boolean {
    return this.#session !== undefined && !this.#isEnding;
  }

  /** Whether it takes one more call. */
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
    // It may be the connection that is at fault, and then whatever comes would wait as long in vain.
    this.#isEnding = true;
    this.#rest();
  }

  isUnprocessed({ id }: ClientHttp2Stream): boolean {
    return id === undefined || id > this.#lastStream;
  }

  get isStale(): boolean {
    return this.#isUsed && this.#session?.destroyed === true;
  }

  /** Takes no more calls, and closes when those that it has are over. */
  close(): void {
    this.#isEnding = true;
    if (this.#session !== undefined) this.#rest();
    else if (this.#waiting.length === 0) this.#end(coded("CLOSED", "the transport was closed"));
  }

  get #allowed(): number {
    return this.#session?.remoteSettings.maxConcurrentStreams ?? assumedStreams;
  }

  #begin(session: ClientHttp2Session): void {
    // It tells each of its streams; and when it is over it closes.
    session.on("error", (error) => (this.#error = error));
    session.once("connect", () => session.setLocalWindowSize(connectionWindow));
    session.on("goaway", (_code, lastStream) => {
      this.#lastStream = Math.min(this.#lastStream, lastStream);
      // What is under way goes on, as far as the origin has heard of it; further calls need another connection.
      this.#isEnding = true;
      this.#rest();
    });
    session.once("close", () => this.#end(this.#error ?? coded("ENDED", "the connection was closed")));
    // Until then nobody knows how many calls it takes; an origin says so first of all.
    session.once("remoteSettings", () => this.#opened(session));
  }

  #opened(session: ClientHttp2Session): void {
    this.#clear();
    this.#session = session;
    session.unref();
    if (this.#pingMs > 0)
      this.#keepAlive = new KeepAlive(session, this.#socket, this.#pingMs, {
        isUsed: () => this.streams > 0,
        silent: () => this.#end(coded("PING_TIMEOUT", `nothing came for ${this.#pingMs} ms after a PING`)),
      });
    // Those that were sent in vain over another connection are in no order.
    const waiting = this.#waiting.filter((call) => !call.isOver).toSorted((a, b) => a.order - b.order);
    this.#waiting = [];
    for (const call of waiting) {
      if (this.streams < this.#allowed) this.start(call);
      else this.#owner.again(call);
    }
    this.#rest();
  }

  /** With no call it closes: at once if it is ending, else when nobody has used it for a while. */
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
