import type { Socket } from "node:net";

/** A system connection as Node keeps it; the one below TLS if there is TLS. */
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

/** Bytes that have come over a connection. */
export function received(socket: Socket): number {
  return handleOf(socket)?.bytesRead ?? 0;
}

/** Bytes that the system has taken: a long response counts as written at once, and may take minutes. */
export function sent(socket: Socket): number {
  const handle = handleOf(socket);
  return (handle?.bytesWritten ?? 0) - (handle?.writeQueueSize ?? 0);
}
