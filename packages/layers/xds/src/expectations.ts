import type { Clock, Timer } from "@pagoda/core";

/** Time after which a resource that was asked for does not exist, as in Envoy and gRPC. */
const missingMs = 15_000;

/** Resources that were asked for on this connection and have not come yet. */
export class Expectations {
  readonly #clock: Clock;
  readonly #timers = new Map<string, Timer>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @param missed Called if it does not come. */
  expect(key: string, missed: () => void): void {
    if (this.#timers.has(key)) return;
    const timer = this.#clock.setTimer(missingMs, () => {
      this.#timers.delete(key);
      missed();
    });
    this.#timers.set(key, timer);
  }

  /** It has come, or nobody asks for it any more. */
  end(key: string): void {
    const timer = this.#timers.get(key);
    if (timer !== undefined) this.#clock.clearTimer(timer);
    this.#timers.delete(key);
  }

  clear(): void {
    for (const timer of this.#timers.values()) this.#clock.clearTimer(timer);
    this.#timers.clear();
  }
}
