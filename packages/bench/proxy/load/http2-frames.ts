import type { Target } from "./client.ts";

/** RFC 9113, section 6. */
export const frameTypes = {
  data: 0,
  headers: 1,
  resetStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
} as const;
export const flags = { endStream: 0x1, ack: 0x1, endHeaders: 0x4, padded: 0x8, priority: 0x20 } as const;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Buffer;
}

const headBytes = 9;

export function frame(type: number, set: number, streamId: number, payload: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(headBytes + payload.length);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes[3] = type;
  bytes[4] = set;
  bytes.writeUInt32BE(streamId, 5);
  payload.copy(bytes, headBytes);
  return bytes;
}

/** Cuts a stream of bytes into frames. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  read(chunk: Buffer): Frame[] {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const frames: Frame[] = [];
    let at = 0;
    while (bytes.length - at >= headBytes) {
      const end = at + headBytes + bytes.readUIntBE(at, 3);
      if (end > bytes.length) break;
      frames.push({
        type: bytes[at + 3] as number,
        flags: bytes[at + 4] as number,
        streamId: bytes.readUInt32BE(at + 5) & 0x7fffffff,
        payload: bytes.subarray(at + headBytes, end),
      });
      at = end;
    }
    this.#rest = bytes.subarray(at);
    return frames;
  }
}

/**
 * Encodes the header block of a request as literals that no table remembers (RFC 7541, section 6.2.2), so that the same
 * bytes do for every request of a connection.
 */
export function requestBlock({ host, port, request }: Target): Buffer {
  const fields: readonly (readonly [string, string])[] = [
    [":method", request.method],
    [":scheme", "http"],
    [":authority", `${host}:${port}`],
    [":path", request.path],
    ...Object.entries(request.headers),
    ...(request.method === "POST" ? [["content-length", String(request.body.length)] as const] : []),
  ];
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]));
}

/** Without Huffman's code. */
function text(value: string): Buffer {
  const bytes = Buffer.from(value, "latin1");
  if (bytes.length >= 127) throw new RangeError("a field must be shorter than 127 characters");
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}

/** The index of `:status: 200` in the static table, as a whole field. */
const status200 = 0x88;

/** Whether a HEADERS frame begins with status 200, as every encoder writes it: by its index in the static table. */
export function statusIs200(payload: Buffer, set: number): boolean {
  let at = ((set & flags.padded) === 0 ? 0 : 1) + ((set & flags.priority) === 0 ? 0 : 5);
  // Changes of the table's size come first: 001xxxxx, and further bytes while the number continues.
  while (((payload[at] ?? 0) & 0xe0) === 0x20) {
    const isLong = ((payload[at] ?? 0) & 0x1f) === 0x1f;
    at++;
    if (isLong) while (((payload[at++] ?? 0) & 0x80) !== 0);
  }
  return payload[at] === status200;
}
