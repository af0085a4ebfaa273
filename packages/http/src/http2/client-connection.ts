import type { Duplex } from "node:stream";
import { systemClock } from "@pagoda/core";
import { ClientStream, type ClientStreamHandler, type StreamOwner } from "./client-stream.ts";
import { ClosedStreams } from "./closed-streams.ts";
import { type ControlHandler, readControl } from "./control-frames.ts";
import { ConnectionError, connectionEnded, errorCode, errorName, unprocessed } from "./error-codes.ts";
import { FloodGuard } from "./flood-guard.ts";
import { ReceiveWindow } from "./flow-control.ts";
import { type FrameHandler, FrameReader } from "./frame-reader.ts";
import { clientPreface, defaultWindow, frameFlag, frameType, maxUint31, setting } from "./frames.ts";
import { Decoder } from "./hpack/decoder.ts";
import { Outbox } from "./outbox.ts";
import { maxFields, ResponseFields } from "./response-fields.ts";
import { PeerSettings, settingsPayload } from "./settings.ts";
import { StreamTable } from "./stream-table.ts";

/** Receive windows: enough for 1 GB/s at a round trip of 1 ms on a stream, and 16 such streams. */
const streamWindow = 1_048_576;
const connectionWindow = 16 * streamWindow;
/** When a peer has left this many bytes unread, its PINGs are no longer answered. */
const maxUnread = 8_388_608;
/** Shorter pieces of a body are copied, so that the buffer they came in can be reused. */
const minShared = 4_096;
/** How long the peer has to take the last frames. */
const lingerMs = 1_000;

/** Receives what happens on a connection. No call follows `closed`. */
export interface ClientConnectionHandler {
  /** The peer's first SETTINGS have arrived. */
  opened(): void;
  /** No request may be made any more: the peer sent GOAWAY, or there are no more identifiers. */
  leaving(): void;
  /** What has been read at once is processed. */
  readPassed(): void;
  /** The connection is over. Its streams have been closed before. */
  closed(error: Error): void;
}

/**
 * The client's side of an HTTP/2 connection (RFC 9113) on a connected socket, with extended CONNECT
 * (RFC 8441) and without push.
 *
 * A peer that breaks the protocol gets the error that RFC 9113 demands: of the stream, whose
 * handler is told, or of the connection with all its streams.
 */
export class ClientConnection implements FrameHandler, ControlHandler, StreamOwner {
  readonly peer: PeerSettings = new PeerSettings();
  readonly outbox: Outbox;
  /** Identifier of the next stream. */
  nextStream = 1;
  readonly #socket: Duplex;
  readonly #handler: ClientConnectionHandler;
  readonly #reader: FrameReader = new FrameReader(this);
  readonly #decoder = new Decoder();
  readonly #fields = new ResponseFields();
  readonly #flood = new FloodGuard();
  readonly #window = new ReceiveWindow(connectionWindow);
  readonly #streams = new StreamTable<ClientStream>();
  readonly #closedStreams = new ClosedStreams();
  /** Stream of the present DATA frame; undefined if it is ignored. */
  #dataStream: ClientStream | undefined;
  /** A piece of a body refers to the bytes being read. */
  #isShared = false;
  #hasSettings = false;
  /** The last stream that the peer processes, after a GOAWAY. */
  #lastStream = Infinity;
  #isClosed = false;

  /** @param socket Connected. What is read from it must be passed to `read`. */
  constructor(socket: Duplex, handler: ClientConnectionHandler) {
    this.#socket = socket;
    this.#handler = handler;
    this.outbox = new Outbox(socket, this.peer, () => this.#flood.useful());
    socket.on("end", () => this.destroy(connectionEnded()));
    socket.on("error", (error) => this.destroy(error));
    socket.on("close", () => this.destroy(connectionEnded()));
    const settings = settingsPayload([
      [setting.enablePush, 0],
      [setting.initialWindowSize, streamWindow],
      [setting.maxHeaderListSize, maxFields],
    ]);
    const { writer } = this.outbox;
    writer.bytes(clientPreface);
    writer.frame(frameType.settings, 0, 0, settings);
    writer.windowUpdate(0, connectionWindow - defaultWindow);
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /**
   * Sends a request.
   *
   * @param fields Alternating names, in lower case, and values; pseudo-header fields first.
   * @param isLast The request ends with its fields.
   */
  request(
    fields: readonly string[],
    method: string,
    isLast: boolean,
    handler: ClientStreamHandler,
  ): ClientStream {
    const id = this.nextStream;
    this.nextStream += 2;
    const windows = { send: this.peer.initialWindowSize, receive: streamWindow };
    const stream = new ClientStream(id, method, isLast, windows, this, handler);
    this.#streams.add(stream);
    this.outbox.headers(id, fields, isLast);
    if (this.nextStream > maxUint31) this.#handler.leaving();
    return stream;
  }

  /**
   * Takes the first `length` bytes of a buffer. Returns whether a body refers to it from now on;
   * otherwise it may be reused.
   */
  read(bytes: Buffer, length: number): boolean {
    if (this.#isClosed) return false;
    this.#isShared = false;
    try {
      this.#reader.read(bytes, length);
    } catch (error) {
      if (!(error instanceof ConnectionError)) {
        this.destroy(error as Error);
        throw error;
      }
      this.#close(error, error.errorCode);
    }
    this.#handler.readPassed();
    return this.#isShared;
  }

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

  gone(stream: ClientStream, isReset: boolean): void {
    this.#streams.delete(stream.id);
    this.outbox.forget(stream);
    if (isReset) this.#closedStreams.add(stream.id);
  }

  dataBegins(id: number, length: number): void {
    this.#checkOpen();
    // Renewed as it is used: streams hold their senders back, and one that is paused must not hold
    // back the others. So it cannot be exceeded.
    const increment = this.#window.take(length);
    if (increment > 0) this.outbox.writer.windowUpdate(0, increment);
    this.#dataStream = this.#stream(id, true);
    this.#dataStream?.dataBegins(length);
  }

  data(bytes: Buffer, from: number, to: number): void {
    this.#flood.useful();
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
    if (!isLast) this.#flood.useless();
    const stream = this.#dataStream;
    if (stream?.isClosed === false) stream.dataEnds(isLast);
  }

  headers(id: number, isLast: boolean, bytes: Buffer, from: number, to: number): void {
    this.#checkOpen();
    const stream = this.#stream(id, true);
    this.#fields.begin();
    this.#decoder.decode(bytes, from, to, this.#fields);
    if (stream?.headers(this.#fields, isLast) === true) this.#flood.useful();
    else this.#flood.useless();
  }

  control(type: number, flags: number, id: number, bytes: Buffer, from: number, to: number): void {
    const isFirst = !this.#hasSettings && type === frameType.settings;
    if (!isFirst) {
      this.#checkOpen();
      this.#flood.useless();
    } else if ((flags & frameFlag.acknowledged) !== 0) this.#checkOpen();
    readControl(this, type, flags, id, bytes, from, to);
  }

  prioritized(id: number): void {
    this.#streams.get(id)?.fail(errorCode.frameSizeError, "PRIORITY of a wrong size");
  }

  wasReset(id: number, code: number): void {
    this.#stream(id, false)?.wasReset(code);
  }

  settings(bytes: Buffer, from: number, to: number): void {
    const { peer } = this;
    const before = peer.initialWindowSize;
    peer.apply(bytes, from, to);
    this.outbox.writer.tableSize = peer.headerTableSize;
    const change = peer.initialWindowSize - before;
    if (change !== 0)
      for (const stream of this.#streams.all()) {
        if (!stream.sendWindow.grow(change)) throw windowTooLarge();
        if (stream.hasQueued) this.outbox.waits(stream);
      }
    this.outbox.writer.settingsAcknowledged();
    if (this.#hasSettings) return this.outbox.pump();
    this.#hasSettings = true;
    this.#handler.opened();
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
    const stream = this.#stream(id, false);
    if (stream === undefined) return;
    if (increment === 0) return stream.fail(errorCode.protocolError, "WINDOW_UPDATE of 0");
    if (!stream.sendWindow.grow(increment))
      return stream.fail(errorCode.flowControlError, "window too large");
    if (!stream.hasQueued) return;
    this.outbox.waits(stream);
    this.outbox.pump();
  }

  goaway(lastStream: number, code: number): void {
    this.#lastStream = Math.min(this.#lastStream, lastStream);
    // Streams that the peer has seen continue, unless there was an error.
    this.#handler.leaving();
    for (const stream of this.#streams.all())
      if (stream.id > this.#lastStream) stream.close(unprocessed(), false);
    if (code === errorCode.noError) return;
    const error = new ConnectionError(code, `peer closed the connection: ${errorName(code)}`);
    this.#close(error, errorCode.noError);
  }

  /** The connection begins with SETTINGS (RFC 9113, 3.4). */
  #checkOpen(): void {
    if (!this.#hasSettings)
      throw new ConnectionError(errorCode.protocolError, "connection does not begin with SETTINGS");
  }

  /**
   * Finds the stream of a frame; undefined if the frame is to be ignored.
   *
   * @param isContent Whether such a frame may not follow the end of its stream.
   * @throws ConnectionError if there was no such stream yet, or it is over (RFC 9113, 5.1).
   */
  #stream(id: number, isContent: boolean): ClientStream | undefined {
    const stream = this.#streams.get(id);
    if (stream !== undefined) return stream;
    if (id % 2 === 0 || id >= this.nextStream)
      throw new ConnectionError(errorCode.protocolError, `frame on idle stream ${id}`);
    if (isContent && !this.#closedStreams.has(id))
      throw new ConnectionError(errorCode.streamClosed, `frame on closed stream ${id}`);
    return undefined;
  }

  /** @param code Error code of a last GOAWAY; undefined to destroy the socket at once. */
  #close(error: Error, code: number | undefined): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#reader.stop();
    const socket = this.#socket;
    if (code === undefined) socket.destroy();
    else {
      this.outbox.writer.goaway(0, code);
      this.outbox.flush();
      socket.end(() => socket.destroy());
      const timer = systemClock.setTimer(lingerMs, () => socket.destroy());
      socket.once("close", () => systemClock.clearTimer(timer));
    }
    for (const stream of this.#streams.all()) stream.close(error);
    this.#handler.closed(error);
  }
}

const pingPayload = Buffer.alloc(8);

function windowTooLarge(): ConnectionError {
  return new ConnectionError(errorCode.flowControlError, "window too large");
}
