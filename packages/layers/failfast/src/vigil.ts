import { anyReady, type Clock, isReady, type Readiness, type Timer, WaitList, whenReady } from "@pagoda/core";

/** Told how a {@link Vigil} goes. */
export interface VigilEvents {
  /** Inner has not been ready for the whole time. */
  readonly failing: () => void;
  /** Inner is ready again, so many milliseconds after that. */
  readonly recovered: (afterMs: number) => void;
}

/**
 * Watches how long inner is not ready while somebody waits for it.
 *
 * - `passing`: inner is ready, or nobody has asked.
 * - `waiting`: somebody waits, and the time runs. Whenever one of them finds inner ready, it begins anew.
 * - `failing`: the time was over before inner was ready. One place is held in inner's queue until it is.
 */
export class Vigil {
  readonly #inner: Readiness;
  readonly #ms: number;
  readonly #clock: Clock;
  readonly #events: VigilEvents;
  /** Those who wait for inner stand here, too: to be let go when the time is over. */
  readonly #list: WaitList;
  #phase: "passing" | "waiting" | "failing" = "passing";
  /** When the time began to run, or failing did. */
  #since = 0;
  #timer: Timer | undefined;

  constructor(inner: Readiness, ms: number, clock: Clock, events: VigilEvents) {
    this.#inner = inner;
    this.#ms = ms;
    this.#clock = clock;
    this.#events = events;
    // Also free when passing: a promise that was awaited without `whenReady` cannot say that it has moved.
    this.#list = new WaitList(() => this.#phase !== "waiting", this.#emptied);
  }

  get isFailing(): boolean {
    return this.#phase === "failing";
  }

  ready(): undefined | Promise<void> {
    if (this.#phase === "failing") return undefined;
    const turn = this.#inner.ready();
    if (turn !== undefined) {
      this.#wait();
      return anyReady([{ ready: () => turn }, this.#list]);
    }
    if (this.#phase === "waiting") this.#since = this.#clock.now();
    return undefined;
  }

  /** How it stands, for descriptions. */
  state(): { readonly phase: string; readonly sinceMs?: number; readonly waiting: number } {
    return {
      phase: this.#phase,
      ...(this.#phase !== "passing" && { sinceMs: this.#clock.now() - this.#since }),
      waiting: this.#list.size,
    };
  }

  /** Somebody waits, and inner is not ready. */
  #wait(): void {
    if (this.#phase === "waiting") return;
    this.#phase = "waiting";
    this.#since = this.#clock.now();
    this.#timer = this.#clock.setTimer(this.#ms, this.#fire);
  }

  readonly #fire = (): void => {
    this.#timer = undefined;
    // Somebody has found inner ready since the timer was set, or it has fired a fraction early.
    const left = this.#since + this.#ms - this.#clock.now();
    if (left > 0) {
      this.#timer = this.#clock.setTimer(left, this.#fire);
      return;
    }
    if (isReady(this.#inner)) this.#phase = "passing";
    else this.#fail();
    this.#list.wake();
  };

  #fail(): void {
    this.#phase = "failing";
    this.#since = this.#clock.now();
    this.#events.failing();
    // Inner's readiness rejects for a defect only. Whoever asks next then meets it, which is better than to fail for ever.
    void whenReady(this.#inner, this.#recover).catch(this.#recover);
  }

  readonly #recover = (): void => {
    if (this.#phase !== "failing") return;
    const afterMs = this.#clock.now() - this.#since;
    this.#phase = "passing";
    this.#events.recovered(afterMs);
  };

  readonly #emptied = (): void => {
    if (this.#phase !== "waiting") return;
    this.#phase = "passing";
    if (this.#timer !== undefined) this.#clock.clearTimer(this.#timer);
    this.#timer = undefined;
  };
}
