import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";

/**
 * Runs a function at the end of what a client sends, unless the client has reset the connection. On
 * Node 22, a reset right after data looks like an end. Then this write fails, and closes the
 * connection, within this turn of the event loop.
 */
export function unlessReset(socket: Socket, then: () => void): void {
  if (!socket.writableEnded && !(socket instanceof TLSSocket)) socket.write("");
  // oxlint-disable-next-line pagoda/injected-clock
  setImmediate(() => {
    if (!socket.destroyed) then();
  });
}
