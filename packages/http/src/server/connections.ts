import { abortError, type Clock, type Timer } from "@pagoda/core";
import { CutOff } from "../cut-off.ts";

/** Abort reason of a call without any data for too long. */
export const quietTooLong = (ms: number): string => `no data for ${ms / 1_000} s`;
/**
 * Abort reason of a call whose client has closed its connection or stream. Shared by all
 * connections.
 */
export const clientGone = abortError("the client closed the request");
/** How long the server keeps reading from a client after the last response. */
export const lingerMs = 2_000;
/** Interval of checks. A timer per connection would have to be reset with every chunk. */
const sweepMs = 1_000;

/** A client's connection, of any HTTP version. */
export interface Connected {
  /** Accepts no new requests and closes when none is in flight. */
  drain(): void;
  /**
   * Ends what has been idle for too long or is too slow.
   *
   * @param lostMs How long the process was held up and could not check.
   */
  look(now: number, lostMs: number): void;
  /** Closes at once. Calls in flight are aborted with this reason. */
  destroy(reason: CutOff): void;
}

/** The open connections of a server. */
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

  /** Resolves when no connection is open. */
  allClosed(): Promise<void> {
    if (this.size === 0) return Promise.resolve();
    return (this.#allClosed ??= Promise.withResolvers()).promise;
  }

  readonly #look = (): void => {
    this.#sweep = this.#clock.setTimer(sweepMs, this.#look);
    const now = this.#clock.now();
    // A process that was held up has not read what arrived meanwhile: that time does not count.
    const lostMs = Math.max(0, now - this.#lookedMs - 2 * sweepMs);
    this.#lookedMs = now;
    for (const connection of this) connection.look(now, lostMs);
  };
}
