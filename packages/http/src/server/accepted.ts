import type { Socket } from "node:net";
import type { Clock } from "@pagoda/core";
import type { CutOff } from "../cut-off.ts";
import { type Connected, lingerMs } from "./connections.ts";
import { Farewell } from "./farewell.ts";
import type { Side } from "./side.ts";

/**
 * An accepted connection whose HTTP version is not yet known: the TLS handshake or its first bytes
 * decide.
 */
export class Accepted implements Connected {
  readonly #socket: Socket;
  readonly #side: Side;
  readonly #clock: Clock;
  #since: number;
  #connection: Connected | undefined;
  #farewell: Farewell | undefined;

  constructor(socket: Socket, side: Side, clock: Clock) {
    this.#socket = socket;
    this.#side = side;
    this.#clock = clock;
    this.#since = clock.now();
    socket.once("close", () => this.#farewell?.cancel());
  }

  /** Hands over to the connection of the detected version. */
  become(connection: Connected): void {
    this.#farewell?.cancel();
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
      this.#farewell ??= new Farewell(
        this.#clock,
        () => socket.bytesRead,
        () => socket.destroy(),
      );
  }

  look(now: number, lostMs: number): void {
    this.#since += lostMs;
    if (this.#connection !== undefined) this.#connection.look(now, lostMs);
    else if (now - this.#since >= this.#side.limits.headMs) this.#socket.destroy();
  }

  destroy(reason: CutOff): void {
    if (this.#connection === undefined) this.#socket.destroy();
    else this.#connection.destroy(reason);
  }
}
