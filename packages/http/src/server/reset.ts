import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";

/**
 * Breaks a connection so that its client cannot take it for one that has ended properly: by a reset, or with TLS without
 * the word for a proper end.
 */
export function reset(socket: Socket): void {
  if (socket instanceof TLSSocket) socket.destroy();
  else socket.resetAndDestroy();
}
