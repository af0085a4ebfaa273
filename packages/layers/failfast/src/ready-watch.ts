import { anyReady, type Clock, isReady, type Readiness, type Timer, WaitList, whenReady } from "@pagoda/core";

/** Events of a {@link ReadyWatch}. */
export interface ReadyWatchEvents {
  /** The time expired before inner was ready. */
  readonly failing: () => void;
  /** Inner is ready again, `afterMs` after that. */
  readonly recovered: (afterMs: number) => void;
}

/**
 * Measures how long callers have waited for inner to become ready.
 *
 * - `passing`: inner is ready, or nobody has asked.
 * - `waiting`: callers wait, and the timer runs. It restarts whenever one of them finds inner
 *   ready.
 * - `failing`: the time expired before inner was ready. One place is held in inner's queue until it
 *   is.
 */
export class ReadyWatch {
  readonly #inner: Readiness;
  readonly #ms: number;
  readonly #clock: Clock;
  readonly #events: ReadyWatchEvents;
  /** The callers waiting for inner, to be released when the time expires. */
  readonly #list: WaitList;
  #phase: "passing" | "waiting" | "failing" = "passing";
  /** When the timer was started, or the failing phase was. */
  #since = 0;
  #timer: Timer | undefined;

  constructor(inner: Readiness, ms: number, clock: Clock, events: ReadyWatchEvents) {
    this.#inner = inner;
    this.#ms = ms;
    this.#clock = clock;
    this.#events = events;
    // Also open while passing: a promise awaited without `whenReady` cannot report that its caller
    // has moved on.
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

  /** State for `describe()`. */
  state(): { readonly phase: string; readonly sinceMs?: number; readonly waiting: number } {
    return {
      phase: this.#phase,
      ...(this.#phase !== "passing" && { sinceMs: this.#clock.now() - this.#since }),
      waiting: this.#list.size,
    };
  }

  /** Starts the timer for a caller that waits, unless it runs already. */
  #wait(): void {
    if (this.#phase === "waiting") return;
    this.#phase = "waiting";
    this.#since = this.#clock.now();
    this.#timer = this.#clock.setTimer(this.#ms, this.#fire);
  }

  readonly #fire = (): void => {
    this.#timer = undefined;
    // A caller has found inner ready since the timer was set, or the timer fired a fraction early.
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
    // Inner's readiness rejects only for a defect. The next caller then meets it, which beats
    // failing forever.
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
