import type { Grant } from "./store.ts";

/** Calls of one limit that were taken ahead, and what is known of it otherwise. */
export class LeasePool {
  /** Undefined for the limit over all. */
  readonly key: string | undefined;
  readonly #leaseMs: number;
  readonly #mostAhead: number;
  /** Calls that can be made without asking. */
  left = 0;
  /** Calls that wait for the next answer. */
  waiting = 0;
  #heldUntil = 0;
  #refusedUntil = -Infinity;
  #retryAt = -Infinity;
  // How many calls came: in this span, and in the one before. A span is a lease and the time that an answer takes.
  #spanMs: number;
  #since = -Infinity;
  #seen = 0;
  #seenBefore = 0;

  constructor(key: string | undefined, burst: number, leaseMs: number) {
    this.key = key;
    this.#leaseMs = leaseMs;
    this.#spanMs = leaseMs;
    this.#mostAhead = leaseMs > 0 ? Math.floor(burst / 4) : 0;
  }

  /** A call came. */
  see(now: number): void {
    const passed = now - this.#since;
    if (passed >= this.#spanMs) {
      this.#seenBefore = passed < 2 * this.#spanMs ? this.#seen : 0;
      this.#seen = 0;
      this.#since = now;
    }
    this.#seen++;
  }

  /** Milliseconds for which calls are refused without asking; 0: none is. */
  refusesMs(now: number): number {
    return this.left > 0 || now >= this.#refusedUntil ? 0 : Math.max(this.#retryAt, this.#refusedUntil) - now;
  }

  /** The same of calls that have just been asked for. */
  refusedMs(now: number): number {
    return this.left > 0 ? 0 : Math.max(0, this.#retryAt - now);
  }

  /** How many to ask for: for those that wait, and for those that will come within a span. */
  wanted(): number {
    return Math.max(0, this.waiting + this.ahead - this.left);
  }

  /** Whether it is time to ask for more, before somebody has to wait. */
  isLow(now: number): boolean {
    const { ahead } = this;
    return ahead > 0 && this.left * 2 <= ahead && now >= this.#refusedUntil;
  }

  get ahead(): number {
    return Math.min(this.#mostAhead, this.#seenBefore);
  }

  /** @param askedAt When it was asked for. */
  receive({ granted, retryAfterMs }: Grant, asked: number, askedAt: number, now: number): void {
    this.left += granted;
    this.#spanMs = this.#leaseMs + now - askedAt;
    this.#heldUntil = now + this.#leaseMs;
    if (granted >= asked) return;
    this.#retryAt = now + retryAfterMs;
    // Nothing is to be had before that time; whoever may save up loses nothing by waiting longer.
    const pauseMs = this.#leaseMs / 4;
    this.#refusedUntil = now + (this.#mostAhead > 0 ? pauseMs : Math.min(pauseMs, retryAfterMs));
  }

  /** Takes out what is not needed any more. */
  spare(now: number): number {
    const kept = now < this.#heldUntil ? this.ahead : 0;
    const spare = Math.max(0, this.left - kept);
    this.left -= spare;
    return spare;
  }

  /** Whether nothing is known of it that a new one would not know. */
  isIdle(now: number): boolean {
    return (
      this.left === 0 &&
      this.waiting === 0 &&
      now >= this.#refusedUntil &&
      now - this.#since >= 2 * this.#spanMs
    );
  }
}
