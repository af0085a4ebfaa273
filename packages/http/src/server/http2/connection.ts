import {
  constants,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { Socket } from "node:net";
import type { Clock } from "@pagoda/core";
import { CutOff } from "../../cut-off.ts";
import type { RawHeaders } from "../../headers.ts";
import type { Peer } from "../../message.ts";
import type { Connected } from "../connections.ts";
import { IdleGrace } from "../idle-grace.ts";
import { Pace } from "../pace.ts";
import { peerOf } from "../peer.ts";
import { headerBytes } from "../refusal.ts";
import type { ServerContext } from "../server-context.ts";
import { received, sent } from "../socket-bytes.ts";
import { Exchange } from "./exchange.ts";

/** Concurrent streams, and flow-control windows of each stream and of the connection. */
const maxStreams = 100;
const streamWindow = 65_536;
const connectionWindow = 1_048_576;
/** Beyond these limits nghttp2 cuts off without an answer; request.ts allows less, and answers. */
const maxFields = 1_024;
const maxHeadBytes = 2 * headerBytes;
/**
 * Highest possible stream: a first GOAWAY that names it means that requests already on their way
 * are answered.
 */
const lastStream = 2 ** 31 - 1;
/** How long a leaving client may take to answer or to end its half. */
const endMs = 30_000;

/**
 * A client's HTTP/2 connection: its streams and its shutdown.
 *
 * nghttp2 bounds other costs of a client: cancelled streams (1,000 at once and 33 per second),
 * settings and pings that wait for an answer, and endless fields.
 */
export class Http2Connection implements Connected {
  readonly peer: Peer;
  readonly server: ServerContext;
  readonly clock: Clock;
  readonly #socket: Socket;
  readonly #session: ServerHttp2Session;
  readonly #exchanges = new Set<Exchange>();
  #draining = false;
  /** Set while the connection is idle and the server drains. */
  #idleGrace: IdleGrace | undefined;
  /** The client has announced that it sends no new requests. */
  #isLeaving = false;
  /** The last check has not been answered. */
  #isUnanswered = false;
  /** Bytes transferred at the last check, and since when there have been no more. */
  #bytes = 0;
  #sentBytes = 0;
  #quietSince: number;
  /** When the shutdown was last checked: the client's answers may take a while. */
  #endLookMs: number;
  /** The client's pace in reading responses since the connection was last idle. */
  readonly #taking = new Pace(0);

  constructor(socket: Socket, server: ServerContext, clock: Clock) {
    this.peer = peerOf(socket);
    this.server = server;
    this.clock = clock;
    this.#socket = socket;
    this.#quietSince = clock.now();
    this.#endLookMs = clock.now();
    // A client that has ended its half has ended all of its streams.
    socket.allowHalfOpen = false;
    const session = performServerHandshake(socket, {
      maxHeaderListPairs: maxFields,
      maxSendHeaderBlockLength: 4 * headerBytes,
      // Otherwise nghttp2 drops such fields, and malformed requests go unnoticed: see request.ts.
      strictFieldWhitespaceValidation: false,
      settings: {
        maxConcurrentStreams: maxStreams,
        maxHeaderListSize: maxHeadBytes,
        initialWindowSize: streamWindow,
        enableConnectProtocol: true,
      },
    });
    this.#session = session;
    session.setLocalWindowSize(connectionWindow);
    session.on("stream", (stream, _headers, flags, fields: RawHeaders) =>
      this.#arrived(stream, flags, fields),
    );
    // The client broke the protocol: nghttp2 has reported the error to it, and the connection
    // closes.
    session.on("error", () => {});
    session.on("goaway", () => (this.#isLeaving = true));
    session.once("close", () => this.#idleGrace?.cancel());
  }

  /**
   * Sends GOAWAY, answers requests sent before the client could receive it, and closes after the
   * last response. An idle connection sends GOAWAY when a request arrives, or otherwise after a
   * moment, because without a stream nghttp2 stops reading after GOAWAY. It then tells the client
   * that requests sent meanwhile were not processed and can be sent elsewhere.
   */
  drain(): void {
    const session = this.#session;
    if (this.#draining || session.destroyed) return;
    this.#draining = true;
    if (this.#exchanges.size > 0) return this.#takeLeave();
    this.#idleGrace = new IdleGrace(
      this.clock,
      () => this.#socket.bytesRead,
      () => session.close(),
    );
  }

  #takeLeave(): void {
    const session = this.#session;
    session.goaway(constants.NGHTTP2_NO_ERROR, lastStream);
    // When the client has answered, everything that it sent before GOAWAY has arrived.
    const isSent = session.ping(() => session.close());
    if (!isSent) session.close();
  }

  look(now: number, lostMs: number): void {
    this.#quietSince += lostMs;
    this.#endLookMs += lostMs;
    const isEmpty = this.#exchanges.size === 0;
    if (now - this.#endLookMs >= endMs) {
      this.#endLookMs = now;
      if ((this.#isLeaving && !this.#isAlive()) || (isEmpty && this.#session.closed)) return this.destroy();
    }
    const went = sent(this.#socket);
    const bytes = went + received(this.#socket);
    if (isEmpty) this.#taking.restart(went);
    else this.#lookAtStreams(now, went, lostMs);
    if (!isEmpty || bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#quietSince = now;
    } else if (now - this.#quietSince >= this.server.limits.idleMs) this.#session.close();
  }

  /**
   * Checks the pace of responses. Node does not report how much of a stream the client has read,
   * only when a whole chunk was sent. So the rate applies to all streams of a client together, as
   * in Kestrel; if it is too low, all stalled streams end.
   */
  #lookAtStreams(now: number, went: number, lostMs: number): void {
    let heldUp = 0;
    for (const exchange of this.#exchanges) if (exchange.isHeldUp) heldUp++;
    const moves = went !== this.#sentBytes;
    this.#sentBytes = went;
    // For a single stream it is certain.
    for (const exchange of this.#exchanges)
      exchange.look(now, lostMs, moves && heldUp === 1 && exchange.isHeldUp);
    const why = this.#taking.look(now, heldUp > 0, went, this.server.limits.response);
    if (why === undefined) return;
    this.#taking.restart(went);
    const reason = new CutOff(`reading the response ${why}`);
    for (const exchange of this.#exchanges) if (exchange.isHeldUp) exchange.cutOff(reason);
  }

  destroy(reason?: CutOff): void {
    // Streams of a destroyed session look as if they had ended cleanly.
    for (const exchange of this.#exchanges) exchange.lost(reason);
    this.#session.destroy();
    this.#socket.destroy();
  }

  /**
   * Whether a leaving client is still there. After its GOAWAY, nghttp2 stops reading at the first
   * error, and Node does not report this, not even that the client has closed. While both sides
   * still read, empty settings are acknowledged from one check to the next; Node sends no pings in
   * this state.
   */
  #isAlive(): boolean {
    if (this.#isUnanswered || this.#session.destroyed) return false;
    this.#isUnanswered = true;
    this.#session.settings({}, () => (this.#isUnanswered = false));
    return true;
  }

  #arrived(stream: ServerHttp2Stream, flags: number, fields: RawHeaders): void {
    const exchange = new Exchange(stream, this);
    this.#exchanges.add(exchange);
    this.server.began();
    stream.once("close", () => {
      this.#exchanges.delete(exchange);
      this.server.ended();
      // Nothing is read in this state: the answer to the ping would not arrive.
      if (this.#draining && this.#exchanges.size === 0) this.#session.close();
    });
    if (this.#idleGrace !== undefined) {
      this.#idleGrace.cancel();
      this.#idleGrace = undefined;
      this.#takeLeave();
    }
    exchange.begin(flags, fields);
  }
}
