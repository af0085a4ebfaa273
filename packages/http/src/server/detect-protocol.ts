import type { Socket } from "node:net";

/** The connection preface of HTTP/2 clients (RFC 9113, 3.4). No HTTP/1.1 request begins with it. */
const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

/**
 * Detects the protocol of a plain connection from its first bytes, which may arrive one by one:
 * HTTP/2 by prior knowledge shares the port with HTTP/1.1. Does not report a client that leaves
 * before.
 *
 * @param decided Takes over the socket, and the bytes read so far.
 */
export function detectProtocol(socket: Socket, decided: (isHttp2: boolean, seen: Buffer) => void): void {
  let seen: Buffer | undefined;
  const onData = (chunk: Buffer): void => {
    seen = seen === undefined ? chunk : Buffer.concat([seen, chunk]);
    const { length } = seen;
    const isHttp2 =
      seen.compare(preface, 0, Math.min(length, preface.length), 0, Math.min(length, preface.length)) === 0;
    if (isHttp2 && length < preface.length) return;
    socket.off("data", onData).off("end", onEnd);
    decided(isHttp2, seen);
  };
  const onEnd = (): void => {
    socket.off("data", onData);
    socket.end();
  };
  socket.on("data", onData).once("end", onEnd);
}
