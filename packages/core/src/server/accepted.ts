import type { Socket } from "node:net";
import type { Clock } from "../clock.ts";
import type { CutOff } from "../http/cut-off.ts";
import { type Connected } from "./connections.ts";
import { headersMs } from "./refusal.ts";

/** A connection that was accepted; which version it speaks shows later: by the handshake of TLS, or by its first bytes. */
export class Accepted implements Connected {
  readonly #socket: Socket;
  readonly #since: number;
  #connection: Connected | undefined;

  constructor(socket: Socket, clock: Clock) {
    this.#socket = socket;
    this.#since = clock.now();
  }

  /** Its version is known. */
  become(connection: Connected): void {
    this.#connection = connection;
  }

  drain(): void {
    if (this.#connection === undefined) this.#socket.destroy();
    else this.#connection.drain();
  }

  look(now: number): void {
    if (this.#connection !== undefined) this.#connection.look(now);
    else if (now - this.#since >= headersMs) this.#socket.destroy();
  }

  destroy(reason: CutOff): void {
    if (this.#connection === undefined) this.#socket.destroy();
    else this.#connection.destroy(reason);
  }
}
