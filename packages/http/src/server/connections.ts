import { abortError, type Clock, type Timer } from "@pagoda/core";
import { CutOff } from "../cut-off.ts";

/** The end of a call in which nothing moves. */
export const quietTooLong = (ms: number): CutOff => new CutOff(`nothing has passed for ${ms / 1_000} s`);
/** The end of a call whose client has closed its connection or stream. One for all: every connection ends with it. */
export const clientGone = abortError("the client has gone");
/** How long a client that still sends is read after the last response. */
export const lingerMs = 2_000;
/** How often they are looked after: a timer for each connection would be set anew with every chunk. */
const sweepMs = 1_000;

/** A client's connection, of whatever version. */
export interface Connected {
  /** Nothing new is wanted: closes as soon as no request is under way. */
  drain(): void;
  /**
   * Ends what has been quiet for too long, or is too slow.
   *
   * @param lostMs For how long nobody could look.
   */
  look(now: number, lostMs: number): void;
  /** Ends at once; the calls under way are aborted with this reason. */
  destroy(reason: CutOff): void;
}

/** The connections of a server that are open. */
export class Connections {
  readonly #clock: Clock;
  readonly #open = new Set<Connected>();
  #allClosed: PromiseWithResolvers<void> | undefined;
  #sweep: Timer | undefined;
  #lookedMs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#open.size;
  }

  [Symbol.iterator](): Iterator<Connected> {
    return this.#open.values();
  }

  add(connection: Connected): void {
    this.#open.add(connection);
    if (this.#sweep !== undefined) return;
    this.#lookedMs = this.#clock.now();
    this.#sweep = this.#clock.setTimer(sweepMs, this.#look);
  }

  delete(connection: Connected): void {
    this.#open.delete(connection);
    if (this.size > 0) return;
    if (this.#sweep !== undefined) this.#clock.clearTimer(this.#sweep);
    this.#sweep = undefined;
    this.#allClosed?.resolve();
    this.#allClosed = undefined;
  }

  /** Settles when none is open. */
  allClosed(): Promise<void> {
    if (this.size === 0) return Promise.resolve();
    return (this.#allClosed ??= Promise.withResolvers()).promise;
  }

  readonly #look = (): void => {
    this.#sweep = this.#clock.setTimer(sweepMs, this.#look);
    const now = this.#clock.now();
    // A process that was held up has not read what came meanwhile: that time is nobody's.
    const lostMs = Math.max(0, now - this.#lookedMs - 2 * sweepMs);
    this.#lookedMs = now;
    for (const connection of this) connection.look(now, lostMs);
  };
}
