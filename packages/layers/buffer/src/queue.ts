import { type Clock, type Readiness, Scope, type Timer, WaitList, whenReady } from "@pagoda/core";
import { MaxWait, type MaxWaitOptions } from "./max-wait.ts";
import { Order, type Ranked } from "./order.ts";
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
  /** A call of higher priority takes its room. */
  readonly displace: () => void;
  /** A defect: `pass` or inner's `ready()` has thrown. */
  readonly fail: (defect: unknown) => void;
}

/** What a queued call needs of the queue. */
export interface Place {
  readonly priority: number;
  /** Room that it takes. */
  readonly cost: number;
}

/** A queued call. */
interface Entry extends Place, Ranked {
  readonly since: number;
  /** Removes it from the queue and ends its wait. */
  readonly displace: () => void;
  timer?: Timer;
  /** Tells it that its turn has come. */
  turn?: () => void;
}

export interface QueueOptions {
  readonly capacity: number;
  readonly maxWait: MaxWaitOptions;
  readonly clock: Clock;
}

/**
 * Calls waiting for inner, by priority, first come, first served within one.
 *
 * Only the first entry asks inner; the others wait for their turn. This keeps the order around any
 * inner, even one whose `ready()` wakes all waiters at once, and puts one entry into a balancer's
 * queues instead of all. Each entry waits by itself through `whenReady`, ranked by its own arrival.
 * So other users of inner do not overtake entries that have waited longer, and inner is called in
 * the async context of the caller. An entry that has lost its turn to one of higher priority keeps
 * its place at inner until it is woken there, and then passes the wake-up on.
 */
export class Queue {
  readonly #inner: Readiness;
  readonly #clock: Clock;
  readonly #maxWait: MaxWait;
  readonly #capacity: number;
  readonly #entries = new Order<Entry>();
  #arrivals = 0;
  readonly #usage: BufferUsage;
  /** Callers waiting for room. */
  readonly #blocked: WaitList;

  constructor(inner: Readiness, usage: BufferUsage, options: QueueOptions) {
    this.#inner = inner;
    this.#usage = usage;
    this.#clock = options.clock;
    this.#maxWait = new MaxWait(options.maxWait);
    this.#capacity = options.capacity;
    this.#blocked = new WaitList(
      () => usage.taken < this.#capacity,
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

  /** Returns how long the oldest entry has waited; 0 if the queue is empty. */
  oldestMs(): number {
    const now = this.#clock.now();
    let since = now;
    for (const entry of this.#entries.fromLast()) since = Math.min(since, entry.since);
    return now - since;
  }

  /**
   * Adds a call, in place of others with lower priority if there is no room for all: the lowest
   * priority first, the latest call first within one.
   *
   * @param signal Must not be aborted yet.
   * @returns False if there is not enough room even then: nothing has changed.
   */
  join({ priority, cost }: Place, signal: AbortSignal | undefined, callbacks: QueueCallbacks): boolean {
    const displaced = this.#displacedBy(priority, this.#usage.taken + cost - this.#capacity);
    if (displaced === undefined) return false;

    const since = this.#clock.now();
    const maxWaitMs = this.#maxWait.onJoin(since, this.#entries.size === 0);
    const scope = new Scope(signal, () => {
      this.#leave(entry);
      callbacks.abort();
    });
    const entry: Entry = {
      priority,
      cost,
      arrival: this.#arrivals++,
      since,
      displace: () => {
        this.#leave(entry);
        scope.abort();
        callbacks.displace();
      },
    };
    this.#entries.add(entry);
    // Before others leave: their room is taken already and must wake nobody.
    this.#usage.taken += cost;
    for (const each of displaced) each.displace();

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
    return true;
  }

  /** Returns the calls that make this much room, or `undefined` if they are not enough. */
  #displacedBy(priority: number, excess: number): readonly Entry[] | undefined {
    const displaced: Entry[] = [];
    if (excess <= 0) return displaced;
    let freed = 0;
    for (const entry of this.#entries.fromLast()) {
      if (entry.priority >= priority) return undefined;
      displaced.push(entry);
      freed += entry.cost;
      if (freed >= excess) return displaced;
    }
    return undefined;
  }

  #readyFor(entry: Entry): undefined | Promise<void> {
    if (this.#entries.first === entry) return this.#inner.ready();
    const { promise, resolve } = Promise.withResolvers<void>();
    entry.turn = resolve;
    return promise;
  }

  /** Removes an entry and passes its room and its turn on to the next. */
  #leave(entry: Entry): void {
    const wasFirst = this.#entries.first === entry;
    if (entry.timer !== undefined) this.#clock.clearTimer(entry.timer);
    if (!this.#entries.delete(entry)) return;
    if (wasFirst) this.#entries.first?.turn?.();
    this.#usage.leave(entry.cost);
  }
}
