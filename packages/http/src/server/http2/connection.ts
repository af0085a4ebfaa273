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
import { Farewell } from "../farewell.ts";
import { Pace } from "../pace.ts";
import { peerOf } from "../peer.ts";
import { headerBytes } from "../refusal.ts";
import type { Side } from "../side.ts";
import { received, sent } from "../wire.ts";
import { Exchange } from "./exchange.ts";

/** Streams at once, and what each and all of them may send before they are read. */
const maxStreams = 100;
const streamWindow = 65_536;
const connectionWindow = 1_048_576;
/** What goes beyond these is cut off without an answer; what request.ts allows is less, and has one. */
const maxFields = 1_024;
const maxHeadBytes = 2 * headerBytes;
/** Highest possible stream: a first GOAWAY that names it says that more may be on the way, which is answered. */
const lastStream = 2 ** 31 - 1;
/** How long a client that is leaving may take to answer, or to end its half. */
const endMs = 30_000;

/**
 * A client's HTTP/2 connection: its streams, and how it ends.
 *
 * What a client may cost beside its streams is bounded by nghttp2: streams that it takes back (1,000 at once and 33 a second),
 * settings and pings that wait for an answer, and fields that go on and on.
 */
export class Http2Connection implements Connected {
  readonly peer: Peer;
  readonly side: Side;
  readonly clock: Clock;
  readonly #socket: Socket;
  readonly #session: ServerHttp2Session;
  readonly #exchanges = new Set<Exchange>();
  #draining = false;
  /** It is idle while the server drains. */
  #farewell: Farewell | undefined;
  /** The client has said that nothing new comes from it. */
  #isLeaving = false;
  /** What the last look asked has had no answer. */
  #isUnanswered = false;
  /** Bytes that had passed when it was last looked after, and since when there are no more. */
  #bytes = 0;
  #sentBytes = 0;
  #quietSince: number;
  /** When its end was last looked after: what a client has to answer then may take a while. */
  #endLookMs: number;
  /** How its client takes responses, since it was last idle. */
  readonly #taking = new Pace(0);

  constructor(socket: Socket, side: Side, clock: Clock) {
    this.peer = peerOf(socket);
    this.side = side;
    this.clock = clock;
    this.#socket = socket;
    this.#quietSince = clock.now();
    this.#endLookMs = clock.now();
    // Who has ended its half has ended all of its streams.
    socket.allowHalfOpen = false;
    const session = performServerHandshake(socket, {
      maxHeaderListPairs: maxFields,
      maxSendHeaderBlockLength: 4 * headerBytes,
      // Or nghttp2 drops such a field, and nobody sees that the request is malformed: see request.ts.
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
    // A client that breaks the protocol: nghttp2 has told it, and the connection closes.
    session.on("error", () => {});
    session.on("goaway", () => (this.#isLeaving = true));
    session.once("close", () => this.#farewell?.cancel());
  }

  /**
   * Says that nothing new is wanted, answers what had been sent before the client could know, and closes after the
   * last response. An idle one says so when a request has come, or else after a moment: with no stream nghttp2 reads no
   * more once it has said so. The client is told then that what it may have sent meanwhile has not been looked at, so
   * that it can send it elsewhere.
   */
  drain(): void {
    const session = this.#session;
    if (this.#draining || session.destroyed) return;
    this.#draining = true;
    if (this.#exchanges.size > 0) return this.#takeLeave();
    this.#farewell = new Farewell(
      this.clock,
      () => this.#socket.bytesRead,
      () => session.close(),
    );
  }

  #takeLeave(): void {
    const session = this.#session;
    session.goaway(constants.NGHTTP2_NO_ERROR, lastStream);
    // What the client sent before it heard of it is here when it has answered.
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
    } else if (now - this.#quietSince >= this.side.limits.idleMs) this.#session.close();
  }

  /**
   * How much of a stream its client has taken, Node does not say, only when a piece has gone as a whole. So a client has
   * to keep the rate over all its streams, as with Kestrel: then those that are not taken are all ended.
   */
  #lookAtStreams(now: number, went: number, lostMs: number): void {
    let heldUp = 0;
    for (const exchange of this.#exchanges) if (exchange.isHeldUp) heldUp++;
    const moves = went !== this.#sentBytes;
    this.#sentBytes = went;
    // Of one that is alone it is certain.
    for (const exchange of this.#exchanges)
      exchange.look(now, lostMs, moves && heldUp === 1 && exchange.isHeldUp);
    const why = this.#taking.look(now, heldUp > 0, went, this.side.limits.response);
    if (why === undefined) return;
    this.#taking.restart(went);
    const reason = new CutOff(`the reading of the response ${why}`);
    for (const exchange of this.#exchanges) if (exchange.isHeldUp) exchange.cutOff(reason);
  }

  destroy(reason?: CutOff): void {
    // Streams of a session that is destroyed look as if they had ended well.
    for (const exchange of this.#exchanges) exchange.lost(reason);
    this.#session.destroy();
    this.#socket.destroy();
  }

  /**
   * After a client's GOAWAY nghttp2 stops reading at the first mistake, and Node tells nobody, not even when the client
   * has closed. Where both still read, settings without content are acknowledged from one look to the next; Node sends
   * no more pings then.
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
    this.side.began();
    stream.once("close", () => {
      this.#exchanges.delete(exchange);
      this.side.ended();
      // Nothing is read any more: the answer to the ping would not come.
      if (this.#draining && this.#exchanges.size === 0) this.#session.close();
    });
    if (this.#farewell !== undefined) {
      this.#farewell.cancel();
      this.#farewell = undefined;
      this.#takeLeave();
    }
    exchange.begin(flags, fields);
  }
}
