import type { Socket } from "node:net";
import type { Clock } from "@pagoda/core";
import { CutOff } from "../../cut-off.ts";
import { frameType } from "../../http2/frames.ts";
import type { RequestFields } from "../../http2/request-fields.ts";
import { ServerConnection, type ServerConnectionHandler } from "../../http2/server-connection.ts";
import type { ServerStream } from "../../http2/server-stream.ts";
import { StreamTable } from "../../http2/stream-table.ts";
import type { Peer } from "../../message.ts";
import type { Connected } from "../connections.ts";
import { IdleGrace } from "../idle-grace.ts";
import { Pace } from "../pace.ts";
import { peerOf } from "../peer.ts";
import type { ServerContext } from "../server-context.ts";
import { received, sent } from "../socket-bytes.ts";
import { Exchange, type Surroundings } from "./exchange.ts";

/** How long a leaving client may take to acknowledge that it is still there. */
const probeMs = 30_000;

/** A client's HTTP/2 connection: its exchanges, their time limits, and its shutdown. */
export class Http2Connection implements Connected, ServerConnectionHandler, Surroundings {
  readonly peer: Peer;
  readonly server: ServerContext;
  readonly clock: Clock;
  readonly #socket: Socket;
  readonly #session: ServerConnection;
  readonly #exchanges = new StreamTable<Exchange>();
  /** Exchanges that start when what has been read is processed: short bodies have arrived then. */
  #ready: Exchange[] = [];
  #draining = false;
  /** The client knows that the server drains, and everything that it sent before has arrived. */
  #isAnnounced = false;
  /** Set while the connection is idle and the server drains. */
  #idleGrace: IdleGrace | undefined;
  /** The client has announced that it closes the connection. */
  #isLeaving = false;
  /** The last probe has not been acknowledged. */
  #isProbed = false;
  #probedMs: number;
  /** Bytes transferred at the last check, and since when there have been no more. */
  #bytes = 0;
  #sentBytes = 0;
  #quietSince: number;
  /** Frames read at the last check, and since when the next one is incomplete. */
  #frames = 0;
  #headSince: number;
  /** The client's pace in reading responses since the connection was last idle. */
  readonly #taking = new Pace(0);

  constructor(socket: Socket, server: ServerContext, clock: Clock) {
    const now = clock.now();
    this.peer = peerOf(socket);
    this.server = server;
    this.clock = clock;
    this.#socket = socket;
    this.#quietSince = now;
    this.#probedMs = now;
    this.#headSince = now;
    this.#session = new ServerConnection(socket, clock, this);
    socket.on("data", (bytes: Buffer) => this.read(bytes));
  }

  /** Reads what has arrived. */
  read(bytes: Buffer): void {
    this.#session.read(bytes, bytes.length);
  }

  /**
   * Sends GOAWAY, answers requests sent before the client could receive it, and closes after the
   * last response. An idle connection closes after a moment, unless a request arrives.
   */
  drain(): void {
    if (this.#draining || this.#session.isClosed) return;
    this.#draining = true;
    if (this.#exchanges.size > 0) this.#session.announceClose();
    else this.#awaitIdle();
  }

  look(now: number, lostMs: number): void {
    this.#quietSince += lostMs;
    this.#probedMs += lostMs;
    if (this.#isLeaving && now - this.#probedMs >= probeMs) {
      this.#probedMs = now;
      if (this.#isProbed) return this.destroy();
      this.#isProbed = true;
      this.#session.probe();
    }
    if (this.#isHeadLate(now, lostMs)) return this.destroy();
    const isEmpty = this.#exchanges.size === 0;
    const went = sent(this.#socket);
    const bytes = went + received(this.#socket);
    if (isEmpty) {
      this.#taking.restart(went);
      this.#session.trim();
    } else this.#lookAtStreams(now, went, lostMs);
    if (!isEmpty || bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#quietSince = now;
    } else if (now - this.#quietSince >= this.server.limits.idleMs) this.#session.close();
  }

  destroy(reason?: CutOff): void {
    for (const exchange of this.#exchanges.all()) exchange.lost(reason);
    this.#session.destroy(reason ?? new Error("connection closed"));
  }

  requested(stream: ServerStream, fields: RequestFields, isLast: boolean): void {
    const exchange = new Exchange(stream, this);
    stream.handler = exchange;
    this.#exchanges.add(exchange);
    this.server.began();
    if (this.#idleGrace !== undefined) {
      this.#idleGrace.cancel();
      this.#idleGrace = undefined;
      this.#session.announceClose();
    }
    exchange.begin(fields, isLast);
  }

  ready(exchange: Exchange): void {
    this.#ready.push(exchange);
  }

  readPassed(): void {
    if (this.#ready.length === 0) return;
    const ready = this.#ready;
    this.#ready = [];
    for (const exchange of ready) exchange.start();
  }

  leaving(): void {
    this.#isLeaving = true;
    this.#probedMs = this.clock.now();
    this.#closeIfOver();
  }

  acknowledged(type: number): void {
    if (type === frameType.settings) this.#isProbed = false;
    else if (this.#draining && !this.#isAnnounced) {
      this.#isAnnounced = true;
      this.#session.stopAccepting();
      this.#closeIfOver();
    }
  }

  closed(): void {
    this.#idleGrace?.cancel();
    for (const exchange of this.#exchanges.all()) exchange.written();
  }

  over(exchange: Exchange): void {
    this.#exchanges.delete(exchange.id);
    this.server.ended();
    this.#closeIfOver();
  }

  #closeIfOver(): void {
    if (this.#exchanges.size > 0 || this.#session.isClosed) return;
    if (this.#isLeaving || this.#isAnnounced) this.#session.close();
    // The client has not acknowledged yet: another request may be on its way.
    else if (this.#draining && this.#idleGrace === undefined) this.#awaitIdle();
  }

  #awaitIdle(): void {
    this.#idleGrace = new IdleGrace(
      this.clock,
      () => this.#socket.bytesRead,
      () => this.#session.close(),
    );
  }

  /** Whether the connection preface, a head or another frame takes too long to arrive. */
  #isHeadLate(now: number, lostMs: number): boolean {
    this.#headSince += lostMs;
    const { frames, isComplete } = this.#session.progress;
    if (isComplete || frames !== this.#frames) {
      this.#frames = frames;
      this.#headSince = now;
    }
    return now - this.#headSince >= this.server.limits.headMs;
  }

  /**
   * Checks the pace of responses. How much of a stream the client has read is not known, because
   * its window counts only what it was sent. So the rate applies to all streams of a client
   * together, as in Kestrel; if it is too low, all stalled streams end.
   */
  #lookAtStreams(now: number, went: number, lostMs: number): void {
    let heldUp = 0;
    for (const exchange of this.#exchanges.all()) if (exchange.isHeldUp) heldUp++;
    const moves = went !== this.#sentBytes;
    this.#sentBytes = went;
    // For a single stream it is certain.
    for (const exchange of this.#exchanges.all())
      exchange.look(now, lostMs, moves && heldUp === 1 && exchange.isHeldUp);
    const why = this.#taking.look(now, heldUp > 0, went, this.server.limits.response);
    if (why === undefined) return;
    this.#taking.restart(went);
    const reason = new CutOff(`reading the response ${why}`);
    for (const exchange of this.#exchanges.all()) {
      if (!exchange.isHeldUp) continue;
      // What it is sent fills the system's buffers: there a stream cannot be reset.
      if (exchange.stream.isClosed) return this.destroy(reason);
      exchange.cutOff(reason);
    }
  }
}
