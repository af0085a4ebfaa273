import type { Grant } from "./store.ts";

/** Calls leased from one limit, and the last known state of the limit. */
export class LeasePool {
  /** Undefined for the global limit. */
  readonly key: string | undefined;
  readonly #leaseMs: number;
  readonly #mostAhead: number;
  /** Leased calls left. */
  left = 0;
  /** Calls that the store had left at its last answer, if it has told. */
  leftInStore: number | undefined;
  /** Calls waiting for the next answer. */
  waiting = 0;
  #heldUntil = 0;
  #refusedUntil = -Infinity;
  #retryAt = -Infinity;
  // Calls in this span and in the last one. A span is the duration of a lease plus that of an
  // answer.
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

  /** Counts an incoming call. */
  countCall(now: number): void {
    const passed = now - this.#since;
    if (passed >= this.#spanMs) {
      this.#seenBefore = passed < 2 * this.#spanMs ? this.#seen : 0;
      this.#seen = 0;
      this.#since = now;
    }
    this.#seen++;
  }

  /** Milliseconds for which calls are refused without asking the store, 0 if they are not. */
  refusesMs(now: number): number {
    return this.left > 0 || now >= this.#refusedUntil ? 0 : Math.max(this.#retryAt, this.#refusedUntil) - now;
  }

  /** The same right after an answer of the store. */
  refusedMs(now: number): number {
    return this.left > 0 ? 0 : Math.max(0, this.#retryAt - now);
  }

  /** Number of calls to ask for: those waiting, and those expected within a span. */
  wanted(): number {
    return Math.max(0, this.waiting + this.ahead - this.left);
  }

  /** Calls that would be admitted as far as is known here. */
  get known(): number | undefined {
    return this.leftInStore === undefined ? undefined : this.left + this.leftInStore;
  }

  /** Whether to ask for more now, before calls have to wait. */
  isLow(now: number): boolean {
    const { ahead } = this;
    return ahead > 0 && this.left * 2 <= ahead && now >= this.#refusedUntil;
  }

  get ahead(): number {
    return Math.min(this.#mostAhead, this.#seenBefore);
  }

  /** @param askedAt Time of the request. */
  receive({ granted, retryAfterMs, left }: Grant, asked: number, askedAt: number, now: number): void {
    this.left += granted;
    this.leftInStore = left;
    this.#spanMs = this.#leaseMs + now - askedAt;
    this.#heldUntil = now + this.#leaseMs;
    if (granted >= asked) return;
    this.#retryAt = now + retryAfterMs;
    // Nothing will be granted before then. If calls can be leased ahead, waiting longer loses
    // nothing.
    const pauseMs = this.#leaseMs / 4;
    this.#refusedUntil = now + (this.#mostAhead > 0 ? pauseMs : Math.min(pauseMs, retryAfterMs));
  }

  /** Forgets calls of a store that is no longer asked. */
  drop(): void {
    this.left = 0;
    this.leftInStore = undefined;
  }

  /** Removes and returns the calls no longer needed. */
  takeSpare(now: number): number {
    const kept = now < this.#heldUntil ? this.ahead : 0;
    const spare = Math.max(0, this.left - kept);
    this.left -= spare;
    return spare;
  }

  /** Whether its state equals that of a new pool. */
  isIdle(now: number): boolean {
    return (
      this.left === 0 &&
      this.waiting === 0 &&
      now >= this.#refusedUntil &&
      now - this.#since >= 2 * this.#spanMs
    );
  }
}
