import type { Duplex } from "node:stream";
import type { Clock } from "@pagoda/core";
import { Connection } from "./connection.ts";
import { ConnectionError, errorCode, errorName } from "./error-codes.ts";
import { FloodGuard } from "./flood-guard.ts";
import { clientPreface, defaultWindow, frameType, maxUint31, setting } from "./frames.ts";
import { maxRequestFields, RequestFields } from "./request-fields.ts";
import { ServerStream } from "./server-stream.ts";
import { settingsPayload } from "./settings.ts";

/** Concurrent streams; further ones are refused. */
const maxStreams = 100;
/** Receive windows of each stream, and of all of them: what a client may send that nobody reads. */
const streamWindow = 65_536;
const connectionWindow = 1_048_576;
/**
 * How many streams a client may cancel or break at once, and per millisecond. These are nghttp2's
 * limits.
 */
const maxResets = { what: "reset streams", burst: 1_000, perMs: 0.033 };

/** Receives what happens on a connection. No call follows `closed`. */
export interface ServerConnectionHandler {
  /**
   * A request has arrived. The receiver sets the stream's handler, and either begins the stream or
   * ends it.
   *
   * @param fields Only valid during the call.
   */
  requested(stream: ServerStream, fields: RequestFields, isLast: boolean): void;
  /** The client has announced that it will close the connection. */
  leaving(): void;
  /** The client has acknowledged SETTINGS or PING. */
  acknowledged(type: number): void;
  /** What has been read at once is processed. */
  readPassed(): void;
  /** The connection is over. Its streams have been closed before. */
  closed(): void;
}

/** The server's side of an HTTP/2 connection, with extended CONNECT (RFC 8441) and without push. */
export class ServerConnection extends Connection<ServerStream> {
  readonly #handler: ServerConnectionHandler;
  readonly #fields = new RequestFields();
  readonly #resets: FloodGuard;
  /** Bytes of the preface that have arrived. */
  #prefaceLength = 0;
  /** The latest stream, and the latest one that is processed. */
  #newest = 0;
  #processed = 0;
  /** The latest stream that was skipped, with which the client cannot come any more. */
  #skipped = 0;
  #isLeaving = false;

  constructor(socket: Duplex, clock: Clock, handler: ServerConnectionHandler) {
    super(socket, { isServer: true, window: connectionWindow, clock });
    this.#handler = handler;
    this.#resets = new FloodGuard(clock, maxResets);
    this.#settings([
      [setting.maxConcurrentStreams, maxStreams],
      [setting.initialWindowSize, streamWindow],
      [setting.maxHeaderListSize, maxRequestFields],
      [setting.enableConnectProtocol, 1],
    ]);
    this.outbox.writer.windowUpdate(0, connectionWindow - defaultWindow);
  }

  /** Number of frames and heads that have been read, and whether there is an incomplete one. */
  get progress(): { readonly frames: number; readonly isComplete: boolean } {
    const { frames, isIncomplete } = this.reader;
    return { frames, isComplete: this.hasSettings && !isIncomplete };
  }

  /** Asks the client to acknowledge. */
  probe(): void {
    this.#settings([]);
  }

  /**
   * Announces that the connection will be closed: the client makes no new requests, and those
   * in flight are answered (RFC 9113, 6.8). The acknowledgement of a PING shows that all of them
   * have arrived.
   */
  announceClose(): void {
    this.outbox.writer.goaway(maxUint31, errorCode.noError);
    this.ping();
  }

  /** Ignores new streams from now on, and tells the client. */
  stopAccepting(): void {
    this.#isLeaving = true;
    this.outbox.writer.goaway(this.#processed, errorCode.noError);
  }

  /** Frees buffers of a connection without streams. */
  trim(): void {
    this.reader.trim();
    this.decoder.trim();
    this.outbox.writer.trim();
  }

  override acknowledged(type: number): void {
    this.#handler.acknowledged(type);
  }

  /** Errors that clients provoke cost as much as streams that they cancel. */
  override faulted(): void {
    this.#resets.useless();
  }

  override wasReset(id: number, code: number): void {
    if (this.streams.get(id) !== undefined) this.#resets.useless();
    super.wasReset(id, code);
  }

  headers(id: number, isLast: boolean, bytes: Buffer, from: number, to: number): void {
    this.checkOpen();
    const isNew = id > this.#newest && id % 2 === 1;
    if (!isNew && id === this.#skipped)
      throw new ConnectionError(errorCode.protocolError, `stream ${id} after stream ${this.#newest}`);
    const stream = isNew ? undefined : this.stream(id, true);
    const fields = this.#fields;
    fields.begin(!isNew);
    this.decoder.decode(bytes, from, to, fields);
    if (isNew) return this.#open(id, fields, isLast);
    if (stream === undefined) return this.flood.useless();
    this.flood.useful();
    stream.headers(fields, isLast);
  }

  goaway(_lastStream: number, code: number): void {
    if (code === errorCode.noError) return this.#handler.leaving();
    const error = new ConnectionError(code, `client closed the connection: ${errorName(code)}`);
    this.closeWith(error, errorCode.noError);
  }

  protected get lastStream(): number {
    return this.#processed;
  }

  protected isIdle(id: number): boolean {
    return id % 2 === 0 || id > this.#newest;
  }

  protected override readBytes(bytes: Buffer, length: number): void {
    if (this.#prefaceLength === clientPreface.length) return super.readBytes(bytes, length);
    const rest = this.#readPreface(bytes.subarray(0, length));
    if (rest.length > 0) super.readBytes(rest, rest.length);
  }

  protected readPassed(): void {
    this.#handler.readPassed();
  }

  protected over(): void {
    this.#handler.closed();
  }

  #settings(settings: Parameters<typeof settingsPayload>[0]): void {
    this.outbox.writer.frame(frameType.settings, 0, 0, settingsPayload(settings));
  }

  /** Returns what follows the client's preface (RFC 9113, 3.4). */
  #readPreface(bytes: Buffer): Buffer {
    const from = this.#prefaceLength;
    const to = Math.min(clientPreface.length, from + bytes.length);
    if (bytes.compare(clientPreface, from, to, 0, to - from) !== 0)
      throw new ConnectionError(errorCode.protocolError, "no connection preface");
    this.#prefaceLength = to;
    return bytes.subarray(to - from);
  }

  #open(id: number, fields: RequestFields, isLast: boolean): void {
    if (id > this.#newest + 2) this.#skipped = id - 2;
    this.#newest = id;
    if (this.#isLeaving) {
      this.closedStreams.add(id);
      return this.flood.useless();
    }
    if (this.streams.size >= maxStreams) {
      this.#resets.useless();
      this.closedStreams.add(id);
      return this.outbox.writer.reset(id, errorCode.refusedStream);
    }
    this.#processed = id;
    this.flood.useful();
    const windows = { send: this.peer.initialWindowSize, receive: streamWindow };
    const stream = new ServerStream(id, windows, this);
    this.streams.add(stream);
    this.#handler.requested(stream, fields, isLast);
  }
}
