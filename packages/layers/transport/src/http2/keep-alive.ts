import type { Socket } from "node:net";
import { type Clock, stallMs, systemClock, type Timer } from "@pagoda/core";

interface Pinged {
  /** Sends a PING. */
  ping(): unknown;
}

/** Grace period after a timeout, in which pending data is read first. */
const secondLookMs = 1;

export interface KeepAliveHandler {
  /** Whether calls are in flight. Otherwise silence means nothing. */
  isUsed(): boolean;
  /** The origin did not answer. */
  silent(): void;
}

/**
 * Sends a PING after a period of silence with calls in flight, to detect dead connections. Any
 * received byte counts as an answer. Uses one timer per connection, however many calls there are.
 */
export class KeepAlive {
  readonly #session: Pinged;
  readonly #socket: Pick<Socket, "bytesRead">;
  readonly #ms: number;
  readonly #handler: KeepAliveHandler;
  readonly #clock: Clock;
  #timer: Timer | undefined;
  #dueAt = 0;
  /** Bytes received at the last check. */
  #bytes = 0;
  #state: "watching" | "asked" | "suspected" = "watching";

  constructor(
    session: Pinged,
    socket: Pick<Socket, "bytesRead">,
    ms: number,
    handler: KeepAliveHandler,
    clock: Clock = systemClock,
  ) {
    this.#session = session;
    this.#socket = socket;
    this.#ms = ms;
    this.#handler = handler;
    this.#clock = clock;
  }

  /** A call starts. */
  begin(): void {
    if (this.#timer === undefined) this.#watch();
  }

  stop(): void {
    if (this.#timer !== undefined) this.#clock.clearTimer(this.#timer);
    this.#timer = undefined;
  }

  #watch(): void {
    this.#state = "watching";
    this.#bytes = this.#socket.bytesRead;
    this.#wait(this.#ms);
  }

  #wait(ms: number): void {
    this.#dueAt = this.#clock.now() + ms;
    this.#timer = this.#clock.setTimer(ms, this.#look);
    // An idle connection must not keep the process running; one in use does so by itself.
    (this.#timer as Partial<NodeJS.Timeout>).unref?.();
  }

  readonly #look = (): void => {
    this.#timer = undefined;
    if (!this.#handler.isUsed()) return;
    const isHeldUp = this.#clock.now() - this.#dueAt > stallMs;
    if (isHeldUp || this.#socket.bytesRead !== this.#bytes) return this.#watch();
    switch (this.#state) {
      case "watching":
        this.#state = "asked";
        this.#session.ping();
        return this.#wait(this.#ms);
      case "asked":
        this.#state = "suspected";
        return this.#wait(secondLookMs);
      case "suspected":
        this.#handler.silent();
    }
  };
}
