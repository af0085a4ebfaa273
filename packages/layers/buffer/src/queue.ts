import { type Clock, type Readiness, Scope, type Timer, WaitList, whenReady } from "@pagoda/core";
import { MaxWait, type MaxWaitOptions } from "./max-wait.ts";
import type { BufferUsage } from "./usage.ts";

/**
 * How a call leaves the queue. Exactly one is called, except that `fail` follows a `pass` that
 * throws.
 */
export interface QueueCallbacks {
  /** Inner is ready in this tick. */
  readonly pass: (waitedMs: number) => void;
  readonly timeOut: (waitedMs: number) => void;
  /** Called in the tick of the caller's abort. */
  readonly abort: () => void;
  /** A defect: `pass` or inner's `ready()` has thrown. */
  readonly fail: (defect: unknown) => void;
}

/** A queued call. */
interface Entry {
  readonly since: number;
  timer?: Timer;
}

/**
 * Calls waiting for inner, first come, first served.
 *
 * Only the first entry asks inner; the others wait for their turn. This keeps the order around any
 * inner, even one whose `ready()` wakes all waiters at once, and puts one entry into a balancer's
 * queues instead of all. Each entry waits by itself through `whenReady`, ranked by its own arrival.
 * So other users of inner do not overtake entries that have waited longer, and inner is called in
 * the async context of the caller.
 */
export class Queue {
  readonly #inner: Readiness;
  readonly #clock: Clock;
  readonly #maxWait: MaxWait;
  /** In order of arrival. */
  readonly #entries = new Set<Entry>();
  /** The entry that asks inner. */
  #first: Entry | undefined;
  readonly #turns = new WaitList(() => this.#first === undefined);
  readonly #usage: BufferUsage;
  /** Callers waiting for room. */
  readonly #blocked: WaitList;

  constructor(inner: Readiness, usage: BufferUsage, capacity: number, maxWait: MaxWaitOptions, clock: Clock) {
    this.#inner = inner;
    this.#usage = usage;
    this.#clock = clock;
    this.#maxWait = new MaxWait(maxWait);
    this.#blocked = new WaitList(
      () => usage.taken < capacity,
      () => usage.waiting.delete(this.#blocked),
    );
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Number of callers waiting for room. */
  get blocked(): number {
    return this.#blocked.size;
  }

  /** Returns `undefined` while there is room. */
  ready(): undefined | Promise<void> {
    const turn = this.#blocked.ready();
    if (turn !== undefined) this.#usage.waiting.add(this.#blocked);
    return turn;
  }

  /** Returns how long the first entry has waited; 0 if the queue is empty. */
  oldestMs(): number {
    for (const { since } of this.#entries) return this.#clock.now() - since;
    return 0;
  }

  /** @param signal Must not be aborted yet. */
  join(signal: AbortSignal | undefined, callbacks: QueueCallbacks): void {
    const since = this.#clock.now();
    const entry: Entry = { since };
    const maxWaitMs = this.#maxWait.onJoin(since, this.#entries.size === 0);
    this.#entries.add(entry);
    this.#usage.taken++;

    const scope = new Scope(signal, () => {
      this.#leave(entry);
      callbacks.abort();
    });
    entry.timer = this.#clock.setTimer(maxWaitMs, () => {
      this.#leave(entry);
      scope.abort();
      callbacks.timeOut(this.#clock.now() - since);
    });
    const pass = (): void => {
      scope.end();
      this.#leave(entry);
      callbacks.pass(this.#clock.now() - since);
    };
    whenReady({ ready: () => this.#readyFor(entry) }, pass, scope.signal).catch((defect: unknown) => {
      scope.end();
      this.#leave(entry);
      callbacks.fail(defect);
    });
  }

  #readyFor(entry: Entry): undefined | Promise<void> {
    if (this.#first !== entry) {
      const turn = this.#turns.ready();
      if (turn !== undefined) return turn;
      this.#first = entry;
    }
    return this.#inner.ready();
  }

  /** Removes an entry and passes its room and its turn on to the next. */
  #leave(entry: Entry): void {
    const had = this.#entries.delete(entry);
    if (entry.timer !== undefined) this.#clock.clearTimer(entry.timer);
    if (this.#first === entry) {
      this.#first = undefined;
      this.#turns.wake();
    }
    if (had) this.#usage.leave();
  }
}
