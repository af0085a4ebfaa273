import type { Clock } from "@pagoda/core";

const maxKeys = 1_000;
const rememberedMs = 10_000;

/**
 * Keys whose last response was not stored. Requests for them do not wait for each other, since each
 * would have to make its own call afterwards. (Varnish calls this hit-for-miss.)
 */
export class Uncacheable {
  readonly #clock: Clock;
  readonly #until = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(key: string): void {
    this.#until.delete(key);
    this.#until.set(key, this.#clock.now() + rememberedMs);
    if (this.#until.size <= maxKeys) return;
    for (const oldest of this.#until.keys()) {
      this.#until.delete(oldest);
      break;
    }
  }

  delete(key: string): void {
    this.#until.delete(key);
  }

  has(key: string): boolean {
    const until = this.#until.get(key);
    if (until === undefined) return false;
    if (until > this.#clock.now()) return true;
    this.#until.delete(key);
    return false;
  }
}
