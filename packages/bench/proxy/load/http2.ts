import { connect, type Socket } from "node:net";
import type { Connection, Listener, Slot, Target } from "./client.ts";
import {
  type Frame,
  frame,
  FrameReader,
  frameTypes,
  flags,
  requestBlock,
  statusIs200,
} from "./http2-frames.ts";

/** So large that no stream ever waits for the client. */
const streamWindow = 2 ** 31 - 1;
const initialWindow = 65_535;
/** Bytes after which the window of the connection is opened again. */
const windowStep = 2 ** 24;
const lastStream = 2 ** 31 - 1;

/** One stream at a time. */
class StreamSlot implements Slot {
  startedMs = 0;
  id = 0;
  /** Bytes of the body so far; -1: no head yet. */
  bytes = -1;
  readonly #connection: Http2Connection;

  constructor(connection: Http2Connection) {
    this.#connection = connection;
  }

  send(): void {
    this.#connection.sendOn(this);
  }
}

/**
 * An HTTP/2 connection over cleartext, with prior knowledge: no more of the protocol than requests need that are always
 * the same. The header block of a request is encoded once; of that of a response only the status is looked at.
 */
export class Http2Connection implements Connection {
  readonly slots: readonly StreamSlot[];
  readonly #socket: Socket;
  readonly #listener: Listener;
  readonly #responseBytes: number;
  readonly #reader = new FrameReader();
  readonly #block: Buffer;
  readonly #body: Buffer;
  readonly #streams = new Map<number, StreamSlot>();
  readonly #waiting: StreamSlot[] = [];
  #nextId = 1;
  #sendWindow = initialWindow;
  #received = 0;
  #outgoing: Buffer[] = [];
  #isReading = false;
  #isClosed = false;
  #ready: (() => void) | undefined;

  private constructor(socket: Socket, target: Target, listener: Listener, streams: number) {
    this.#socket = socket;
    this.#listener = listener;
    this.#responseBytes = target.responseBytes;
    this.#block = requestBlock(target);
    this.#body = target.request.body;
    this.slots = Array.from({ length: streams }, () => new StreamSlot(this));
  }

  /** @throws When the server cannot be reached or does not speak HTTP/2. */
  static async open(target: Target, listener: Listener, streams: number): Promise<Http2Connection> {
    const socket = connect({ host: target.host, port: target.port, noDelay: true });
    const connection = new Http2Connection(socket, target, listener, streams);
    await new Promise<void>((resolve, reject) => {
      connection.#ready = resolve;
      socket.on("connect", () => connection.#begin());
      socket.on("data", (chunk) => connection.#read(chunk));
      const failed = (error: Error): void => {
        reject(error);
        connection.fail(error);
      };
      socket.on("error", failed);
      socket.on("close", () => failed(new Error("connection closed")));
    });
    return connection;
  }

  sendOn(slot: StreamSlot): void {
    if (this.#body.length > this.#sendWindow) {
      this.#waiting.push(slot);
      return;
    }
    this.#sendWindow -= this.#body.length;
    slot.id = this.#nextId;
    slot.bytes = -1;
    this.#nextId += 2;
    if (this.#nextId > lastStream) return this.fail(new Error("no stream ids left"));
    this.#streams.set(slot.id, slot);
    const hasBody = this.#body.length > 0;
    const end = hasBody ? 0 : flags.endStream;
    this.#write(frame(frameTypes.headers, flags.endHeaders | end, slot.id, this.#block));
    if (hasBody) this.#write(frame(frameTypes.data, flags.endStream, slot.id, this.#body));
  }

  close(): void {
    this.#isClosed = true;
    this.#socket.destroy();
  }

  fail(error: Error): void {
    if (this.#isClosed) return;
    this.close();
    this.#listener.onFailure(error);
  }

  #begin(): void {
    const settings = Buffer.alloc(12);
    settings.writeUInt16BE(0x2, 0); // ENABLE_PUSH
    settings.writeUInt16BE(0x4, 6); // INITIAL_WINDOW_SIZE
    settings.writeUInt32BE(streamWindow, 8);
    this.#socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    this.#socket.write(frame(frameTypes.settings, 0, 0, settings));
    this.#openWindow(streamWindow - initialWindow);
  }

  #read(chunk: Buffer): void {
    // All requests that follow from one read go out in one write.
    this.#isReading = true;
    for (const one of this.#reader.read(chunk)) {
      if (this.#isClosed) return;
      this.#take(one);
    }
    this.#isReading = false;
    if (this.#outgoing.length > 0) this.#socket.write(Buffer.concat(this.#outgoing.splice(0)));
  }

  #take({ type, flags: set, streamId, payload }: Frame): void {
    switch (type) {
      case frameTypes.headers:
        return this.#takeHeaders(streamId, set, payload);
      case frameTypes.data:
        return this.#takeData(streamId, set, payload);
      case frameTypes.settings:
        if ((set & flags.ack) !== 0) return;
        this.#write(frame(frameTypes.settings, flags.ack, 0, Buffer.alloc(0)));
        return this.#ready?.();
      case frameTypes.ping:
        if ((set & flags.ack) === 0) this.#write(frame(frameTypes.ping, flags.ack, 0, payload));
        return;
      case frameTypes.windowUpdate:
        if (streamId !== 0) return;
        this.#sendWindow += payload.readUInt32BE(0);
        for (const slot of this.#waiting.splice(0)) this.sendOn(slot);
        return;
      case frameTypes.resetStream:
        if (!this.#streams.has(streamId)) return;
        return this.fail(new Error(`stream reset with code ${payload.readUInt32BE(0)}`));
      case frameTypes.goAway:
        return this.fail(new Error(`connection ended with code ${payload.readUInt32BE(4)}`));
      default:
    }
  }

  #takeHeaders(streamId: number, set: number, payload: Buffer): void {
    const slot = this.#streams.get(streamId);
    if (slot === undefined) return;
    if ((set & flags.endHeaders) === 0) return this.fail(new Error("header block in several frames"));
    // The second block of a stream is its trailers.
    if (slot.bytes === -1) {
      if (!statusIs200(payload, set)) {
        return this.fail(new Error(`response must be 200 (header block ${payload.toString("hex", 0, 16)})`));
      }
      slot.bytes = 0;
    }
    if ((set & flags.endStream) !== 0) this.#end(slot);
  }

  #takeData(streamId: number, set: number, payload: Buffer): void {
    this.#received += payload.length;
    if (this.#received >= windowStep) this.#openWindow(this.#received);
    const slot = this.#streams.get(streamId);
    if (slot === undefined) return;
    slot.bytes += payload.length - ((set & flags.padded) === 0 ? 0 : 1 + (payload[0] ?? 0));
    if ((set & flags.endStream) !== 0) this.#end(slot);
  }

  #end(slot: StreamSlot): void {
    this.#streams.delete(slot.id);
    if (slot.bytes !== this.#responseBytes) {
      return this.fail(new Error(`body must have ${this.#responseBytes} bytes (got ${slot.bytes})`));
    }
    this.#listener.onResponse(slot);
  }

  #openWindow(bytes: number): void {
    this.#received = 0;
    const increment = Buffer.alloc(4);
    increment.writeUInt32BE(bytes, 0);
    this.#write(frame(frameTypes.windowUpdate, 0, 0, increment));
  }

  #write(bytes: Buffer): void {
    if (this.#isReading) this.#outgoing.push(bytes);
    else this.#socket.write(bytes);
  }
}
