import type { Socket } from "node:net";

/** Node's handle of a system connection; with TLS, of the connection below it. */
interface Handle {
  readonly bytesRead?: number;
  readonly bytesWritten?: number;
  readonly writeQueueSize?: number;
  readonly _parent?: Handle;
}

function handleOf(socket: Socket): Handle | undefined {
  const { _handle: handle } = socket as Socket & { readonly _handle?: Handle | null };
  return handle?._parent ?? handle ?? undefined;
}

/** Bytes received over a connection. */
export function received(socket: Socket): number {
  return handleOf(socket)?.bytesRead ?? 0;
}

/**
 * Bytes accepted by the system. Node's `bytesWritten` counts a long response at once, although it
 * may take minutes.
 */
export function sent(socket: Socket): number {
  const handle = handleOf(socket);
  return (handle?.bytesWritten ?? 0) - (handle?.writeQueueSize ?? 0);
}
