import type { ClientHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import { type Clock, heldUpMs, systemClock, type Timer } from "@pagoda/core";

/** When the time is over, what may have come is read before it counts. */
const secondLookMs = 1;

export interface KeepAliveHandler {
  /** Calls are under way: otherwise the silence means nothing. */
  isUsed(): boolean;
  /** The origin has not answered. */
  silent(): void;
}

/**
 * Asks an origin with a PING whether it is still there when nothing has come for so long while calls are under way. A byte
 * is an answer, whatever it belongs to. One timer for a connection, however many calls there are.
 */
export class KeepAlive {
  readonly #session: Pick<ClientHttp2Session, "ping">;
  readonly #socket: Pick<Socket, "bytesRead">;
  readonly #ms: number;
  readonly #handler: KeepAliveHandler;
  readonly #clock: Clock;
  #timer: Timer | undefined;
  #dueAt = 0;
  /** Bytes that had come when it was last looked at. */
  #bytes = 0;
  #state: "watching" | "asked" | "suspected" = "watching";

  constructor(
    session: Pick<ClientHttp2Session, "ping">,
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

  /** A call begins. */
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
    // A connection that nobody uses is no reason for a program to go on; one in use holds it by itself.
    (this.#timer as Partial<NodeJS.Timeout>).unref?.();
  }

  readonly #look = (): void => {
    this.#timer = undefined;
    if (!this.#handler.isUsed()) return;
    const isHeldUp = this.#clock.now() - this.#dueAt > heldUpMs;
    if (isHeldUp || this.#socket.bytesRead !== this.#bytes) return this.#watch();
    switch (this.#state) {
      case "watching":
        this.#state = "asked";
        this.#session.ping(() => {});
        return this.#wait(this.#ms);
      case "asked":
        this.#state = "suspected";
        return this.#wait(secondLookMs);
      case "suspected":
        this.#handler.silent();
    }
  };
}
