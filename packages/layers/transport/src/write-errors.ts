import type { Socket } from "node:net";

type Done = (error?: Error | null) => void;

/**
 * Tells of a write that fails, and leaves the socket to be read: Node destroys it at once, and with it an answer that has
 * come already. An origin that refuses an upload says so and closes, which breaks what is written meanwhile. Nothing more is
 * written after it.
 */
export function holdWriteErrors(socket: Socket, failed: (error: Error) => void): void {
  const write = socket._write;
  const writev = socket._writev as NonNullable<Socket["_writev"]>;
  // A stream has one write under way at a time, so one place for who waits for it is enough.
  let waiting: Done | undefined;
  const done: Done = (error) => {
    const next = waiting;
    if (error !== undefined && error !== null) return failed(error);
    waiting = undefined;
    next?.(error);
  };
  socket._write = function (chunk, encoding, callback) {
    waiting = callback;
    write.call(socket, chunk, encoding, done);
  };
  socket._writev = function (chunks, callback) {
    waiting = callback;
    writev.call(socket, chunks, done);
  };
}
