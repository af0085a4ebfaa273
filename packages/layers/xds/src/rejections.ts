import type { Clock, Timer } from "@pagoda/core";

const firstHoldMs = 1_000;
const maxHoldMs = 30_000;

/** The last rejections of one type of resource. */
interface Rejected {
  version: string;
  /** How long the next rejection of the same version is held back. */
  holdMs: number;
  held: Timer | undefined;
}

/**
 * When to answer responses. Some control planes send a rejected version again at once. So the same
 * version is rejected again only after a delay, which doubles from 1 s to 30 s. Otherwise the two
 * would keep each other busy.
 */
export class Rejections {
  readonly #clock: Clock;
  /** By type. */
  readonly #rejected = new Map<string, Rejected>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Sends the answer to a response at once, or later; not at all if another one is due before. */
  answer(type: string, version: string, isRejection: boolean, send: () => void): void {
    const last = this.#rejected.get(type);
    if (last !== undefined) this.#release(last);
    if (!isRejection) {
      this.#rejected.delete(type);
      send();
    } else if (last?.version !== version) {
      this.#rejected.set(type, { version, holdMs: firstHoldMs, held: undefined });
      send();
    } else {
      last.held = this.#clock.setTimer(last.holdMs, () => {
        last.held = undefined;
        send();
      });
      last.holdMs = Math.min(last.holdMs * 2, maxHoldMs);
    }
  }

  close(): void {
    for (const rejected of this.#rejected.values()) this.#release(rejected);
  }

  #release(rejected: Rejected): void {
    if (rejected.held !== undefined) this.#clock.clearTimer(rejected.held);
    rejected.held = undefined;
  }
}
