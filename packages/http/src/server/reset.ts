import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";

/**
 * Breaks a connection so that its client cannot mistake it for a clean end: with a reset or, with
 * TLS, without `close_notify`.
 */
export function reset(socket: Socket): void {
  if (socket instanceof TLSSocket) socket.destroy();
  else socket.resetAndDestroy();
}
