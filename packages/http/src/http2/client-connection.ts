import type { Duplex } from "node:stream";
import { ClientStream, type ClientStreamHandler } from "./client-stream.ts";
import { Connection } from "./connection.ts";
import { ConnectionError, errorCode, errorName, unprocessed } from "./error-codes.ts";
import { clientPreface, defaultWindow, frameType, maxUint31, setting } from "./frames.ts";
import { maxFields, ResponseFields } from "./response-fields.ts";
import { settingsPayload } from "./settings.ts";

/** Receive windows: enough for 1 GB/s at a round trip of 1 ms on a stream, and 16 such streams. */
const streamWindow = 1_048_576;
const connectionWindow = 16 * streamWindow;

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
 * The client's side of an HTTP/2 connection, with extended CONNECT (RFC 8441) and without push.
 */
export class ClientConnection extends Connection<ClientStream> {
  /** Identifier of the next stream. */
  nextStream = 1;
  readonly #handler: ClientConnectionHandler;
  readonly #fields = new ResponseFields();
  /** The last stream that the peer processes, after a GOAWAY. */
  #lastProcessed = Infinity;

  /** @param socket Connected. What is read from it must be passed to `read`. */
  constructor(socket: Duplex, handler: ClientConnectionHandler) {
    super(socket, { isServer: false, window: connectionWindow });
    this.#handler = handler;
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
    this.streams.add(stream);
    this.outbox.headers(id, fields, isLast);
    if (this.nextStream > maxUint31) this.#handler.leaving();
    return stream;
  }

  override dataBegins(id: number, length: number): void {
    super.dataBegins(id, length);
    // Renewed at once: streams hold their senders back, and one that is paused must not hold back
    // the others.
    super.consumed(length);
  }

  override consumed(): void {}

  headers(id: number, isLast: boolean, bytes: Buffer, from: number, to: number): void {
    this.checkOpen();
    const stream = this.stream(id, true);
    this.#fields.begin();
    this.decoder.decode(bytes, from, to, this.#fields);
    if (stream?.headers(this.#fields, isLast) === true) this.flood.useful();
    else this.flood.useless();
  }

  goaway(lastStream: number, code: number): void {
    this.#lastProcessed = Math.min(this.#lastProcessed, lastStream);
    // Streams that the peer has seen continue, unless there was an error.
    this.#handler.leaving();
    for (const stream of this.streams.all())
      if (stream.id > this.#lastProcessed) stream.close(unprocessed(), false);
    if (code === errorCode.noError) return;
    const error = new ConnectionError(code, `peer closed the connection: ${errorName(code)}`);
    this.closeWith(error, errorCode.noError);
  }

  /** The server opens no streams. */
  protected get lastStream(): number {
    return 0;
  }

  protected isIdle(id: number): boolean {
    return id % 2 === 0 || id >= this.nextStream;
  }

  protected override opened(): void {
    this.#handler.opened();
  }

  protected readPassed(): void {
    this.#handler.readPassed();
  }

  protected over(error: Error): void {
    this.#handler.closed(error);
  }
}
