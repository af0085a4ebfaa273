import type { SocketHandle } from "./sockets.ts";

/** The sockets that the main process hands over before an assignment. */
export class ReceivedSockets {
  readonly #received = new Map<string, SocketHandle[]>();

  add(listener: string, socket: SocketHandle): void {
    const all = this.#received.get(listener);
    if (all === undefined) this.#received.set(listener, [socket]);
    else all.push(socket);
  }

  /** Those for a listener: from now on they are its own. */
  readonly take = (listener: string): readonly SocketHandle[] => {
    const all = this.#received.get(listener) ?? [];
    this.#received.delete(listener);
    return all;
  };

  /** Those that were not taken are not needed: their listeners listen already. */
  closeRest(): void {
    for (const all of this.#received.values()) for (const socket of all) socket.close();
    this.#received.clear();
  }
}
