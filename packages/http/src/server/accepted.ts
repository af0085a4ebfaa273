import type { Socket } from "node:net";
import type { Clock } from "@pagoda/core";
import type { CutOff } from "../cut-off.ts";
import { type Connected, lingerMs } from "./connections.ts";
import { IdleGrace } from "./idle-grace.ts";
import type { ServerContext } from "./server-context.ts";

/**
 * An accepted connection whose HTTP version is not yet known: the TLS handshake or its first bytes
 * decide.
 */
export class Accepted implements Connected {
  readonly #socket: Socket;
  readonly #server: ServerContext;
  readonly #clock: Clock;
  #since: number;
  #connection: Connected | undefined;
  #idleGrace: IdleGrace | undefined;

  constructor(socket: Socket, server: ServerContext, clock: Clock) {
    this.#socket = socket;
    this.#server = server;
    this.#clock = clock;
    this.#since = clock.now();
    socket.once("close", () => this.#idleGrace?.cancel());
  }

  /** Hands over to the connection of the detected version. */
  become(connection: Connected): void {
    this.#idleGrace?.cancel();
    this.#connection = connection;
  }

  /** Sends a refusal and closes once it has had time to arrive. */
  refuse(answer: string): void {
    const socket = this.#socket;
    socket.end(answer);
    const timer = this.#clock.setTimer(lingerMs, () => socket.destroy());
    socket.once("close", () => this.#clock.clearTimer(timer));
  }

  drain(): void {
    const socket = this.#socket;
    if (this.#connection !== undefined) this.#connection.drain();
    else
      this.#idleGrace ??= new IdleGrace(
        this.#clock,
        () => socket.bytesRead,
        () => socket.destroy(),
      );
  }

  look(now: number, lostMs: number): void {
    this.#since += lostMs;
    if (this.#connection !== undefined) this.#connection.look(now, lostMs);
    else if (now - this.#since >= this.#server.limits.headMs) this.#socket.destroy();
  }

  destroy(reason: CutOff): void {
    if (this.#connection === undefined) this.#socket.destroy();
    else this.#connection.destroy(reason);
  }
}
