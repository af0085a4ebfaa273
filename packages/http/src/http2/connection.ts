import type { Duplex } from "node:stream";
import { type Clock, systemClock } from "@pagoda/core";
import { ClosedStreams } from "./closed-streams.ts";
import { type ControlHandler, readControl } from "./control-frames.ts";
import { ConnectionError, connectionEnded, errorCode } from "./error-codes.ts";
import { FloodGuard } from "./flood-guard.ts";
import { ReceiveWindow } from "./flow-control.ts";
import { type FrameHandler, FrameReader } from "./frame-reader.ts";
import { frameFlag, frameType } from "./frames.ts";
import { Decoder } from "./hpack/decoder.ts";
import { Outbox } from "./outbox.ts";
import { PeerSettings } from "./settings.ts";
import type { Stream } from "./stream.ts";
import type { StreamOwner } from "./stream-owner.ts";
import { StreamTable } from "./stream-table.ts";

/** When a peer leaves this many bytes unread, it gets no more answers to its PINGs. */
const maxUnread = 8_388_608;
/** Shorter pieces of a body are copied, so that the buffer they came in can be reused. */
const minShared = 4_096;
/** How long the peer has to take the last frames. */
const lingerMs = 1_000;

/** What both sides of a connection have in common. */
export interface ConnectionTerms {
  /** Whether the peer is a client. */
  readonly isServer: boolean;
  /** Initial window for all streams together. */
  readonly window: number;
  readonly clock?: Clock;
}

/**
 * Either side of an HTTP/2 connection (RFC 9113) on a connected socket, whose bytes are passed to `read`: its frames, its streams and
 * their flow control.
 *
 * A peer that breaks the protocol gets the error that RFC 9113 demands: of the stream, whose
 * handler is told, or of the connection with all its streams.
 */
export abstract class Connection<S extends Stream> implements FrameHandler, ControlHandler, StreamOwner<S> {
  readonly peer: PeerSettings;
  readonly outbox: Outbox;
  protected readonly decoder: Decoder = new Decoder();
  protected readonly flood: FloodGuard;
  protected readonly streams: StreamTable<S> = new StreamTable();
  protected readonly closedStreams: ClosedStreams = new ClosedStreams();
  protected readonly reader: FrameReader = new FrameReader(this);
  readonly #socket: Duplex;
  readonly #clock: Clock;
  readonly #isServer: boolean;
  readonly #window: ReceiveWindow;
  /** Stream of the present DATA frame; undefined if it is ignored. */
  #dataStream: S | undefined;
  #dataLength = 0;
  /** A piece of a body refers to the bytes being read. */
  #isShared = false;
  #hasSettings = false;
  #isClosed = false;

  constructor(socket: Duplex, { isServer, window, clock = systemClock }: ConnectionTerms) {
    this.#socket = socket;
    this.#clock = clock;
    this.#isServer = isServer;
    this.#window = new ReceiveWindow(window);
    this.flood = new FloodGuard(clock);
    this.peer = new PeerSettings(isServer);
    this.outbox = new Outbox(socket, this.peer, () => this.flood.useful());
    socket.on("end", () => this.#peerEnded());
    socket.on("error", (error) => this.destroy(error));
    socket.on("close", () => this.destroy(connectionEnded()));
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Whether the peer's SETTINGS have arrived. */
  protected get hasSettings(): boolean {
    return this.#hasSettings;
  }

  /** Sends PING, which `acknowledged` follows. */
  ping(): void {
    this.outbox.writer.frame(frameType.ping, 0, 0, pingPayload);
  }

  /** Closes the connection, which has no streams any more (RFC 9113, 5.4). */
  close(): void {
    this.#close(new Error("connection closed"), errorCode.noError);
  }

  /** Breaks the connection and its streams off. */
  destroy(error: Error): void {
    this.#close(error, undefined);
  }

  abstract headers(id: number, isLast: boolean, bytes: Buffer, from: number, to: number): void;
  abstract goaway(lastStream: number, code: number): void;

  /** The last stream of the peer that was processed, for GOAWAY. */
  protected abstract readonly lastStream: number;
  /** Whether there was no such stream yet, and the peer may not send frames on it. */
  protected abstract isIdle(id: number): boolean;
  protected abstract readPassed(): void;
  /** The connection is over. Its streams have been closed before. */
  protected abstract over(error: Error): void;

  /** The peer's first SETTINGS have arrived. */
  protected opened(): void {}

  acknowledged(_type: number): void {}

  faulted(): void {}

  gone(stream: S, isReset: boolean): void {
    this.streams.delete(stream.id);
    this.outbox.forget(stream);
    if (isReset) this.closedStreams.add(stream.id);
  }

  consumed(length: number): void {
    const increment = this.#window.take(length);
    if (increment > 0) this.outbox.writer.windowUpdate(0, increment);
  }

  dataBegins(id: number, length: number): void {
    this.checkOpen();
    if (!this.#window.receive(length))
      throw new ConnectionError(errorCode.flowControlError, "DATA exceeds the window of the connection");
    this.#dataLength = length;
    this.#dataStream = this.stream(id, true);
    this.#dataStream?.dataBegins(length);
  }

  data(bytes: Buffer, from: number, to: number): void {
    this.flood.useful();
    const stream = this.#dataStream;
    if (stream?.isClosed !== false) return;
    if (to - from >= minShared) {
      this.#isShared = true;
      return stream.data(bytes.subarray(from, to));
    }
    const piece = Buffer.allocUnsafe(to - from);
    bytes.copy(piece, 0, from, to);
    stream.data(piece);
  }

  dataEnds(isLast: boolean): void {
    if (!isLast) this.flood.useless();
    const stream = this.#dataStream;
    if (stream?.isClosed === false) stream.dataEnds(isLast);
    else this.consumed(this.#dataLength);
  }

  control(type: number, flags: number, id: number, bytes: Buffer, from: number, to: number): void {
    const isFirst = !this.#hasSettings && type === frameType.settings;
    if (!isFirst) {
      this.checkOpen();
      this.flood.useless();
    } else if ((flags & frameFlag.acknowledged) !== 0) this.checkOpen();
    readControl(this, type, flags, id, bytes, from, to);
  }

  prioritized(id: number): void {
    this.streams.get(id)?.fail(errorCode.frameSizeError, "PRIORITY of a wrong size");
  }

  wasReset(id: number, code: number): void {
    this.stream(id, false)?.wasReset(code);
  }

  settings(bytes: Buffer, from: number, to: number): void {
    const { peer } = this;
    const before = peer.initialWindowSize;
    peer.apply(bytes, from, to);
    this.outbox.writer.tableSize = peer.headerTableSize;
    const change = peer.initialWindowSize - before;
    if (change !== 0)
      for (const stream of this.streams.all()) {
        if (!stream.sendWindow.grow(change)) throw windowTooLarge();
        if (stream.hasQueued) this.outbox.waits(stream);
      }
    this.outbox.writer.settingsAcknowledged();
    if (this.#hasSettings) return this.outbox.pump();
    this.#hasSettings = true;
    this.opened();
  }

  pinged(bytes: Buffer, from: number, to: number): void {
    if (this.outbox.unwritten > maxUnread)
      throw new ConnectionError(errorCode.enhanceYourCalm, "PING from a peer that does not read");
    this.outbox.writer.frame(frameType.ping, frameFlag.acknowledged, 0, bytes.subarray(from, to));
  }

  windowUpdate(id: number, increment: number): void {
    if (id === 0) {
      if (increment === 0) throw new ConnectionError(errorCode.protocolError, "WINDOW_UPDATE of 0");
      if (!this.outbox.window.grow(increment)) throw windowTooLarge();
      return this.outbox.pump();
    }
    const stream = this.stream(id, false);
    if (stream === undefined) return;
    if (increment === 0) return stream.fail(errorCode.protocolError, "WINDOW_UPDATE of 0");
    if (!stream.sendWindow.grow(increment))
      return stream.fail(errorCode.flowControlError, "window too large");
    if (!stream.hasQueued) return;
    this.outbox.waits(stream);
    this.outbox.pump();
  }

  /**
   * Takes the first `length` bytes of a buffer. Returns whether a body refers to it from now on;
   * otherwise it may be reused.
   */
  read(bytes: Buffer, length: number): boolean {
    if (this.#isClosed) return false;
    this.#isShared = false;
    try {
      this.readBytes(bytes, length);
    } catch (error) {
      if (!(error instanceof ConnectionError)) {
        this.destroy(error as Error);
        throw error;
      }
      this.closeWith(error, error.errorCode);
    }
    this.readPassed();
    return this.#isShared;
  }

  /** @throws ConnectionError */
  protected readBytes(bytes: Buffer, length: number): void {
    this.reader.read(bytes, length);
  }

  /** Sends GOAWAY with this code, and closes. */
  protected closeWith(error: Error, code: number): void {
    this.#close(error, code);
  }

  /** The connection begins with SETTINGS (RFC 9113, 3.4). */
  protected checkOpen(): void {
    if (!this.#hasSettings)
      throw new ConnectionError(errorCode.protocolError, "connection does not begin with SETTINGS");
  }

  /**
   * Finds the stream of a frame; undefined if the frame is to be ignored.
   *
   * @param isContent Whether such a frame may not follow the end of its stream.
   * @throws ConnectionError if there was no such stream yet, or it is over (RFC 9113, 5.1).
   */
  protected stream(id: number, isContent: boolean): S | undefined {
    const stream = this.streams.get(id);
    if (stream !== undefined) return stream;
    if (this.isIdle(id)) throw new ConnectionError(errorCode.protocolError, `frame on idle stream ${id}`);
    if (isContent && !this.closedStreams.has(id))
      throw new ConnectionError(errorCode.streamClosed, `frame on closed stream ${id}`);
    return undefined;
  }

  #peerEnded(): void {
    this.destroy(connectionEnded());
    // If the last frames are in flight.
    this.#socket.destroy();
  }

  /** @param code Error code of a last GOAWAY; undefined to destroy the socket at once. */
  #close(error: Error, code: number | undefined): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.reader.stop();
    const socket = this.#socket;
    if (code === undefined) socket.destroy();
    else {
      this.outbox.writer.goaway(this.lastStream, code);
      this.outbox.flush();
      // A server reads on until its client closes: the system would discard the last frames
      // together with what is unread.
      socket.end(() => void (this.#isServer || socket.destroy()));
      const timer = this.#clock.setTimer(lingerMs, () => socket.destroy());
      socket.once("close", () => this.#clock.clearTimer(timer));
    }
    for (const stream of this.streams.all()) stream.close(error);
    this.over(error);
  }
}

const pingPayload = Buffer.alloc(8);

function windowTooLarge(): ConnectionError {
  return new ConnectionError(errorCode.flowControlError, "window too large");
}
