import type { SocketHandle } from "./sockets.ts";

/** The sockets that the main process hands over before an assignment. */
export class GivenSockets {
  readonly #given = new Map<string, SocketHandle[]>();

  add(listener: string, socket: SocketHandle): void {
    const all = this.#given.get(listener);
    if (all === undefined) this.#given.set(listener, [socket]);
    else all.push(socket);
  }

  /** Those for a listener: from now on they are its own. */
  readonly take = (listener: string): readonly SocketHandle[] => {
    const all = this.#given.get(listener) ?? [];
    this.#given.delete(listener);
    return all;
  };

  /** Those that were not taken are not needed: their listeners listen already. */
  closeRest(): void {
    for (const all of this.#given.values()) for (const socket of all) socket.close();
    this.#given.clear();
  }
}
