import { createServer, type Server, type Socket } from "node:net";
import {
  clientPreface,
  frameFlag,
  frameHeadLength,
  frameType,
  readUint31,
  setting,
  writeFrameHead,
} from "../http2/frames.ts";
import { settingsPayload } from "../http2/settings.ts";

export { frameFlag, frameType };

/** Names and values for a field block, valid or not. */
export type FieldPairs = readonly (readonly [name: string, value: string])[];

/** Settings that allow extended CONNECT (RFC 8441, 3). */
const settings = frame(frameType.settings, 0, 0, settingsPayload([[setting.enableConnectProtocol, 1]]));

/** Encodes a frame (RFC 9113, 4.1). */
export function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(frameHeadLength);
  writeFrameHead(head, 0, payload.length, type, flags, stream);
  return Buffer.concat([head, payload]);
}

/** Encodes a HEADERS frame, also for trailers, without compression (RFC 7541, 6.2.2). */
export function fieldsFrame(stream: number, fields: FieldPairs, isLast: boolean): Buffer {
  const text = (value: string): Buffer => {
    const bytes = Buffer.from(value, "latin1");
    return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  };
  const lines = fields.flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]);
  const flags = frameFlag.endHeaders + (isLast ? frameFlag.endStream : 0);
  return frame(frameType.headers, flags, stream, Buffer.concat(lines));
}

export function dataFrame(stream: number, content: string, isLast: boolean): Buffer {
  return frame(frameType.data, isLast ? frameFlag.endStream : 0, stream, Buffer.from(content));
}

/** @param code Error code (RFC 9113, 7). */
export function resetFrame(stream: number, code: number): Buffer {
  const payload = Buffer.alloc(4);
  payload.writeUInt32BE(code);
  return frame(frameType.reset, 0, stream, payload);
}

/**
 * Sends a request on stream 1 as raw frames, which Node's client cannot.
 *
 * @returns The code of the reset, if there was one, once the response or the connection has ended.
 */
export function askRaw(socket: Socket, frames: readonly Buffer[]): Promise<number | undefined> {
  return new Promise((resolve) => {
    socket.on("error", () => {}).once("close", () => resolve(undefined));
    read(socket, 0, (type, flags, stream, payload) => {
      if (stream !== 1) return;
      const isLast =
        (type === frameType.data || type === frameType.headers) && (flags & frameFlag.endStream) !== 0;
      if (type === frameType.reset) resolve(payload.readUInt32BE(0));
      else if (isLast) resolve(undefined);
    });
    socket.write(Buffer.concat([clientPreface, settings, ...frames]));
  });
}

/** A frame that was received. */
export interface RawFrame {
  readonly type: number;
  readonly flags: number;
  readonly stream: number;
  readonly payload: Buffer;
}

/**
 * Sends raw frames to a server, then two PINGs, one after the other.
 *
 * @param opening What is sent first. Default: the preface and SETTINGS.
 * @returns What was received before the second PING was acknowledged, or the connection closed.
 */
export function converse(
  socket: Socket,
  frames: readonly Uint8Array[],
  opening: readonly Uint8Array[] = [clientPreface, settings],
): Promise<{ readonly frames: readonly RawFrame[]; readonly isClosed: boolean }> {
  const ping = frame(frameType.ping, 0, 0, Buffer.from("converse"));
  const received: RawFrame[] = [];
  let pings = 0;
  return new Promise((resolve) => {
    socket.on("error", () => {}).once("close", () => resolve({ frames: received, isClosed: true }));
    read(socket, 0, (type, flags, stream, payload) => {
      const isAnswer = type === frameType.ping && flags === frameFlag.acknowledged;
      if (!isAnswer || payload.toString() !== "converse") received.push({ type, flags, stream, payload });
      else if (++pings === 1) socket.write(ping);
      else resolve({ frames: received, isClosed: false });
    });
    socket.write(Buffer.concat([...opening, ...frames, ping]));
  });
}

/**
 * Makes a server that answers each request with raw frames, which Node's server cannot. It does not
 * listen yet.
 */
export function rawHttp2Server(answer: (stream: number) => readonly Buffer[]): Server {
  return createServer((socket) => {
    const answered = new Set<number>();
    socket.on("error", () => {});
    socket.write(settings);
    read(socket, clientPreface.length, (type, _flags, stream) => {
      if (type !== frameType.headers || answered.has(stream)) return;
      answered.add(stream);
      socket.write(Buffer.concat(answer(stream)));
    });
  });
}

/** Reads frames after the preface, and acknowledges settings and pings. */
function read(
  socket: Socket,
  skip: number,
  heard: (type: number, flags: number, stream: number, payload: Buffer) => void,
): void {
  let unread = Buffer.alloc(0);
  let left = skip;
  socket.on("data", (piece: Buffer) => {
    unread = Buffer.concat([unread, piece]);
    if (unread.length < left) return;
    unread = unread.subarray(left);
    left = 0;
    while (unread.length >= 9 && unread.length >= 9 + unread.readUIntBE(0, 3)) {
      const end = 9 + unread.readUIntBE(0, 3);
      const [type = 0, flags = 0] = unread.subarray(3, 5);
      const stream = readUint31(unread, 5);
      const payload = unread.subarray(9, end);
      unread = unread.subarray(end);
      const isAcknowledged = flags === frameFlag.acknowledged;
      if (type === frameType.settings && !isAcknowledged)
        socket.write(frame(type, frameFlag.acknowledged, 0, Buffer.alloc(0)));
      if (type === frameType.ping && !isAcknowledged)
        socket.write(frame(type, frameFlag.acknowledged, 0, payload));
      heard(type, flags, stream, payload);
    }
  });
}
