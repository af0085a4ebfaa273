import type { SocketHandle } from "./sockets.ts";

/** The sockets that the main process sends before an assignment. */
export class ReceivedSockets {
  readonly #received = new Map<string, SocketHandle[]>();

  add(listener: string, socket: SocketHandle): void {
    const all = this.#received.get(listener);
    if (all === undefined) this.#received.set(listener, [socket]);
    else all.push(socket);
  }

  /** Takes the sockets of a listener, which then owns them. */
  readonly take = (listener: string): readonly SocketHandle[] => {
    const all = this.#received.get(listener) ?? [];
    this.#received.delete(listener);
    return all;
  };

  /** Closes the sockets that were not taken: their listeners are already listening. */
  closeRest(): void {
    for (const all of this.#received.values()) for (const socket of all) socket.close();
    this.#received.clear();
  }
}
