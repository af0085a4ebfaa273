import { type ClientHttp2Session, connect } from "node:http2";
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { systemClock, type Timer } from "@pagoda/core";
import type { HttpRequest } from "@pagoda/core/http";
import type { Origin, Result } from "../call.ts";
import type { ConnectionTerms } from "../connection-terms.ts";
import { coded } from "../faults.ts";
import { Http2Call } from "./call.ts";
import { requestFields } from "./request-fields.ts";

/** What an origin is taken to allow before it has said so (RFC 9113, 6.5.2: it should not be less). */
const assumedStreams = 100;
/** How long a connection may be silent before the system asks whether the other side is still there. */
const probeMs = 60_000;
/** What an origin may send on each stream, and on all together, before it is read. */
const streamWindow = 1_048_576;
const connectionWindow = 16 * streamWindow;

/** The HTTP/2 connections to one origin; each takes as many calls as the origin allows. */
export class Http2Pool {
  readonly #origin: Origin;
  readonly #terms: ConnectionTerms;
  readonly #keepAliveMs: number;
  readonly #sessions: Session[] = [];
  #closing: PromiseWithResolvers<void> | undefined;

  constructor(origin: Origin, terms: ConnectionTerms, keepAliveMs: number) {
    this.#origin = origin;
    this.#terms = terms;
    this.#keepAliveMs = keepAliveMs;
  }

  /** How many connections there are, and how many of them nobody uses. */
  get counts(): { readonly connections: number; readonly idle: number } {
    const connected = this.#sessions.filter((session) => session.isConnected);
    return { connections: connected.length, idle: connected.filter(({ streams }) => streams === 0).length };
  }

  /**
   * Sends a request over the first connection that takes one more.
   *
   * @param settle Takes the result, or the rejection: once.
   * @param over The stream is no more: once.
   * @throws Unsendable before anything has begun.
   */
  call(
    request: HttpRequest,
    signal: AbortSignal | undefined,
    settle: (result: Result | Promise<never>) => void,
    over: () => void,
  ): void {
    const head = requestFields(request);
    const { idleTimeoutMs } = this.#terms;
    this.#send(new Http2Call(this.#origin, request, head, idleTimeoutMs, signal, settle, over));
  }

  readonly #send = (call: Http2Call): void => {
    (this.#sessions.find((session) => session.takes()) ?? this.#open()).start(call);
  };

  /** Lets the calls under way finish, then closes the connections. */
  close(): Promise<void> {
    if (this.#closing !== undefined) return this.#closing.promise;
    this.#closing = Promise.withResolvers();
    for (const session of this.#sessions.slice()) session.close();
    if (this.#sessions.length === 0) this.#closing.resolve();
    return this.#closing.promise;
  }

  #open(): Session {
    const session = new Session(this.#terms, this.#origin.upstream, this.#keepAliveMs, {
      again: this.#send,
      gone: () => this.#gone(session),
    });
    this.#sessions.push(session);
    return session;
  }

  #gone(session: Session): void {
    const at = this.#sessions.indexOf(session);
    if (at >= 0) this.#sessions.splice(at, 1);
    if (this.#sessions.length === 0) this.#closing?.resolve();
  }
}

/** Whom a connection tells what it cannot do. */
interface Owner {
  /** A call that has waited for the connection finds no room there. */
  again(call: Http2Call): void;
  gone(): void;
}

/** One connection. It is being made, open, or ending: then it takes no further calls. */
class Session {
  streams = 0;
  readonly #keepAliveMs: number;
  readonly #owner: Owner;
  readonly #socket: Socket;
  #session: ClientHttp2Session | undefined;
  /** Calls that wait until there is a connection. */
  #waiting: Http2Call[] = [];
  #timer: Timer | undefined;
  #isEnding = false;
  #isOver = false;

  constructor(terms: ConnectionTerms, url: string, keepAliveMs: number, owner: Owner) {
    const { host, port, tls, connectTimeoutMs } = terms;
    this.#keepAliveMs = keepAliveMs;
    this.#owner = owner;
    const options = { host, port, noDelay: true, keepAlive: true, keepAliveInitialDelay: probeMs };
    const socket =
      tls === undefined ? connectTcp(options) : connectTls({ ...tls, ...options, ALPNProtocols: ["h2"] });
    this.#socket = socket;
    this.#timer = systemClock.setTimer(connectTimeoutMs, () =>
      this.#end(coded("CONNECT_TIMEOUT", `nothing in ${connectTimeoutMs} ms`)),
    );
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
    call.start(session, () => {
      if (--this.streams > 0) return;
      session.unref();
      this.#rest();
    });
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
    session.on("error", () => {});
    session.once("connect", () => session.setLocalWindowSize(connectionWindow));
    session.once("goaway", () => {
      // What is under way goes on, as far as the origin has heard of it; further calls need another connection.
      this.#isEnding = true;
      this.#rest();
    });
    session.once("close", () => this.#end(coded("ENDED", "the connection was closed")));
    // Until then nobody knows how many calls it takes; an origin says so first of all.
    session.once("remoteSettings", () => this.#opened(session));
  }

  #opened(session: ClientHttp2Session): void {
    this.#clear();
    this.#session = session;
    session.unref();
    const waiting = this.#waiting.filter((call) => !call.isOver);
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
    const waiting = this.#waiting;
    this.#waiting = [];
    if (this.#session === undefined) this.#socket.destroy();
    else if (!this.#session.destroyed) this.#session.destroy();
    this.#owner.gone();
    for (const call of waiting) call.failed(error, false);
  }

  #clear(): void {
    if (this.#timer !== undefined) systemClock.clearTimer(this.#timer);
    this.#timer = undefined;
  }
}
