import type { Socket } from "node:net";

type Done = (error?: Error | null) => void;

/**
 * Reports a failed write but keeps the socket readable. Node would destroy it at once, and with it
 * a response that has already arrived: an origin that refuses an upload answers and closes, which
 * breaks pending writes. Nothing is written after the failure.
 */
export function holdWriteErrors(socket: Socket, failed: (error: Error) => void): void {
  const write = socket._write;
  const writev = socket._writev as NonNullable<Socket["_writev"]>;
  // A stream has one pending write at a time, so one callback is enough: that of the stream, not the
  // one that Bun's `_writev` passes on to `_write`.
  let waiting: Done | undefined;
  const done: Done = (error) => {
    const next = waiting;
    if (error !== undefined && error !== null) return failed(error);
    waiting = undefined;
    next?.(error);
  };
  socket._write = function (chunk, encoding, callback) {
    if (callback !== done) waiting = callback;
    write.call(socket, chunk, encoding, done);
  };
  socket._writev = function (chunks, callback) {
    waiting = callback;
    writev.call(socket, chunks, done);
  };
}
