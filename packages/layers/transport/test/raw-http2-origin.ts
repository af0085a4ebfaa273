import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { onTestFinished } from "vitest";

export const [dataFrame, headersFrame, resetFrame, settingsFrame] = [0, 1, 3, 4] as const;
export const [endStream, acknowledged, endHeaders] = [1, 1, 4] as const;
/** `:status` of the static table (RFC 7541, appendix A). */
export const status200 = 0x88;
export const status404 = 0x8d;
/** `content-length: 1`, its name from that table. */
export const contentLength1: readonly number[] = [0x0f, 0x0d, 1, 0x31];
/** Extended CONNECT is allowed (RFC 8441, 3). */
const enableConnectProtocol = Buffer.from([0, 8, 0, 0, 0, 1]);
const prefaceLength = 24;

export function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** An origin that speaks frames by hand, for what Node's server would never send. It closes with the test. */
export async function rawHttp2Origin(
  asked: (stream: number, write: (frame: Buffer) => void) => void,
): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    const write = (bytes: Buffer): void => void socket.write(bytes);
    write(frame(settingsFrame, 0, 0, enableConnectProtocol));
    let unread = Buffer.alloc(0);
    let skip = prefaceLength;
    socket.on("data", (piece: Buffer) => {
      unread = Buffer.concat([unread, piece]);
      if (unread.length < skip) return;
      unread = unread.subarray(skip);
      skip = 0;
      while (unread.length >= 9 && unread.length >= 9 + unread.readUIntBE(0, 3)) {
        const [type, flags, stream] = [unread[3], unread[4], unread.readUInt32BE(5)];
        unread = unread.subarray(9 + unread.readUIntBE(0, 3));
        if (type === settingsFrame && flags !== acknowledged)
          write(frame(settingsFrame, acknowledged, 0, Buffer.alloc(0)));
        if (type === headersFrame) asked(stream, write);
      }
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as { readonly port: number };
  return `http://127.0.0.1:${port}`;
}
