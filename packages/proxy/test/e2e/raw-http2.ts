import { createServer, type Socket } from "node:net";
import { listen, type Origin } from "./origin.ts";

/** Names and values, be they fields or not. */
export type Pairs = readonly (readonly [name: string, value: string])[];

const [data, headers, reset, settings, ping] = [0, 1, 3, 4, 6];
const [endStream, endHeaders, acknowledged] = [1, 4, 1];

/** What begins a connection, with settings that say nothing but that extended CONNECT is allowed. */
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const allowed = Buffer.from([0, 8, 0, 0, 0, 1]);

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Fields as they are, without any compression (RFC 7541, 6.2.2). */
export function fieldsFrame(stream: number, fields: Pairs, isLast: boolean): Buffer {
  const text = (value: string): Buffer => {
    const bytes = Buffer.from(value, "latin1");
    return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  };
  const lines = fields.flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]);
  return frame(headers, endHeaders + (isLast ? endStream : 0), stream, Buffer.concat(lines));
}

export function dataFrame(stream: number, text: string, isLast: boolean): Buffer {
  return frame(data, isLast ? endStream : 0, stream, Buffer.from(text));
}

/** Reads frames, and answers those that must be. */
function reading(
  socket: Socket,
  heard: (type: number, flags: number, stream: number, payload: Buffer) => void,
): void {
  let buffer = Buffer.alloc(0);
  socket.on("data", (piece: Buffer) => {
    buffer = Buffer.concat([buffer, piece]);
    while (buffer.length >= 9 && buffer.length >= 9 + buffer.readUIntBE(0, 3)) {
      const end = 9 + buffer.readUIntBE(0, 3);
      const [type = 0, flags = 0] = buffer.subarray(3, 5);
      const stream = buffer.readUInt32BE(5);
      if (type === settings && flags !== acknowledged)
        socket.write(frame(settings, acknowledged, 0, Buffer.alloc(0)));
      if (type === ping && flags !== acknowledged)
        socket.write(frame(ping, acknowledged, 0, buffer.subarray(9, end)));
      heard(type, flags, stream, buffer.subarray(9, end));
      buffer = buffer.subarray(end);
    }
  });
}

/**
 * A client with one request on stream 1. Ends when the response has, or the connection; with the code of the reset, where
 * that ended it.
 */
export function askRaw(socket: Socket, frames: readonly Buffer[]): Promise<number | undefined> {
  return new Promise((resolve) => {
    socket.on("error", () => {}).once("close", () => resolve(undefined));
    reading(socket, (type, flags, stream, payload) => {
      if (stream !== 1) return;
      if (type === reset) resolve(payload.readUInt32BE(0));
      else if ((type === data || type === headers) && (flags & endStream) !== 0) resolve(undefined);
    });
    socket.write(Buffer.concat([Buffer.from(preface), frame(settings, 0, 0, allowed), ...frames]));
  });
}

/** An origin that speaks HTTP/2, and answers each request with these frames. */
export function rawHttp2Origin(answer: (stream: number) => readonly Buffer[]): Promise<Origin> {
  return listen(
    createServer((socket) => {
      socket.on("error", () => {});
      socket.write(frame(settings, 0, 0, allowed));
      let left = preface.length;
      const begin = (piece: Buffer): void => {
        left -= piece.length;
        if (left > 0) return;
        socket.off("data", begin);
        reading(socket, (type, _flags, stream) => {
          if (type === headers && !answered.has(stream)) {
            answered.add(stream);
            socket.write(Buffer.concat(answer(stream)));
          }
        });
        if (left < 0) socket.emit("data", piece.subarray(left));
      };
      const answered = new Set<number>();
      socket.on("data", begin);
    }),
  );
}
