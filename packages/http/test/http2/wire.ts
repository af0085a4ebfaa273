import { Duplex } from "node:stream";
import { fieldsFrame, frame } from "@pagoda/http/testing";
import * as fc from "fast-check";
import { ClientConnection } from "../../src/http2/client-connection.ts";
import type { ClientStream } from "../../src/http2/client-stream.ts";
import { clientPreface, frameType, readUint31, readUint32 } from "../../src/http2/frames.ts";

/** A frame that was sent. */
export interface Sent {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/** Any frame, known or not, on a stream up to this one. */
export function randomFrame(maxStream: number): fc.Arbitrary<Buffer> {
  return fc
    .tuple(
      fc.integer({ max: 12, min: 0 }),
      fc.integer({ max: 255, min: 0 }),
      fc.integer({ max: maxStream, min: 0 }),
      fc.uint8Array({ maxLength: 40 }),
    )
    .map(([type, flags, stream, payload]) => frame(type, flags, stream, payload));
}

/** A socket whose peer is the test. What the peer sends arrives at once. */
export class Wire extends Duplex {
  /** While set, the peer reads nothing. */
  isBlocked = false;
  /** Number of writes. */
  writes = 0;
  #bytes: Buffer[] = [];
  #unblock: (() => void) | undefined;

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.writes++;
    this.#bytes.push(chunk);
    if (this.isBlocked) this.#unblock = done;
    else done();
  }

  override _writev(chunks: { chunk: Buffer; encoding: BufferEncoding }[], done: () => void): void {
    this._write(Buffer.concat(chunks.map(({ chunk }) => chunk)), "latin1", done);
  }

  unblock(): void {
    this.isBlocked = false;
    this.#unblock?.();
  }

  /** The peer sends bytes. */
  feed(...frames: readonly Uint8Array[]): void {
    this.emit("data", Buffer.concat(frames));
  }

  /** Returns the frames that were sent since the last time, after the preface. */
  async sent(): Promise<readonly Sent[]> {
    await new Promise(setImmediate);
    await new Promise(setImmediate);
    let bytes = Buffer.concat(this.#bytes);
    this.#bytes = [];
    if (bytes.subarray(0, clientPreface.length).equals(clientPreface))
      bytes = bytes.subarray(clientPreface.length);
    const frames: Sent[] = [];
    while (bytes.length > 0) {
      const end = 9 + bytes.readUIntBE(0, 3);
      const [type = 0, flags = 0] = bytes.subarray(3, 5);
      frames.push({ type, flags, stream: readUint31(bytes, 5), payload: bytes.subarray(9, end) });
      bytes = bytes.subarray(end);
    }
    return frames;
  }
}

/** The code of the GOAWAY among frames. */
export function goawayOf(frames: readonly Sent[]): number | undefined {
  const goaway = frames.find(({ type }) => type === frameType.goaway);
  return goaway === undefined ? undefined : readUint32(goaway.payload, 4);
}

/** Streams and codes of the resets among frames. */
export function resetsOf(frames: readonly Sent[]): (readonly [stream: number, code: number])[] {
  return frames
    .filter(({ type }) => type === frameType.reset)
    .map(({ stream, payload }) => [stream, readUint32(payload, 0)]);
}

/** What happened on a stream. */
export class Heard {
  readonly events: unknown[] = [];
  body = "";
  error: (Error & { code?: string; reason?: string }) | undefined;
  isClosed = false;
  isProcessed: boolean | undefined;
  wantsMore = true;

  informed(status: number): void {
    this.events.push(status);
  }

  responded(status: number, fields: readonly string[], length: number | undefined, isLast: boolean): void {
    this.events.push({ status, fields, ...(length !== undefined && { length }), ...(isLast && { isLast }) });
  }

  data(piece: Buffer): boolean {
    this.body += piece.toString("latin1");
    return this.wantsMore;
  }

  trailers(fields: readonly string[]): void {
    this.events.push({ trailers: fields });
  }

  completed(): void {
    this.events.push("completed");
  }

  drained(): void {
    this.events.push("drained");
  }

  closed(error: Error | undefined, isProcessed: boolean): void {
    if (this.isClosed) throw new Error("closed twice");
    this.isClosed = true;
    this.error = error;
    this.isProcessed = isProcessed;
  }
}

export const settingsFrame = (...settings: readonly (readonly [id: number, value: number])[]): Buffer => {
  const payload = Buffer.alloc(settings.length * 6);
  settings.forEach(([id, value], n) => {
    payload.writeUInt16BE(id, n * 6);
    payload.writeUInt32BE(value, n * 6 + 2);
  });
  return frame(frameType.settings, 0, 0, payload);
};

export const windowUpdate = (stream: number, increment: number): Buffer => {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(increment);
  return frame(frameType.windowUpdate, 0, stream, payload);
};

export const goaway = (lastStream: number, code: number): Buffer => {
  const payload = Buffer.alloc(8);
  payload.writeUInt32BE(lastStream);
  payload.writeUInt32BE(code, 4);
  return frame(frameType.goaway, 0, 0, payload);
};

/** The head of a response without other fields. */
export const ok = (stream: number, isLast = false): Buffer =>
  fieldsFrame(stream, [[":status", "200"]], isLast);

export const get: readonly string[] = [":method", "GET", ":scheme", "http", ":authority", "a", ":path", "/"];

/** A connection to a peer that has sent nothing. */
export function connecting() {
  const wire = new Wire();
  const events: string[] = [];
  const ended = Promise.withResolvers<Error & { code?: string }>();
  const connection = new ClientConnection(wire, {
    opened: () => events.push("opened"),
    leaving: () => events.push("leaving"),
    readPassed() {},
    closed: (error) => {
      events.push("closed");
      ended.resolve(error);
    },
  });
  wire.on("data", (bytes: Buffer) => connection.read(bytes, bytes.length));
  const ask = (method = "GET", isLast = true): { heard: Heard; stream: ClientStream } => {
    const heard = new Heard();
    return { heard, stream: connection.request(get, method, isLast, heard) };
  };
  return { wire, connection, events, ask, ended: ended.promise };
}

/** A connection whose peer has sent its settings. */
export async function connected(...settings: readonly (readonly [id: number, value: number])[]) {
  const made = connecting();
  made.wire.feed(settingsFrame(...settings));
  await made.wire.sent();
  return made;
}
