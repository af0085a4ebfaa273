import { type Place, queues } from "./queues.ts";

/**
 * Returned to callers that only ask. Resolved, so that it does not retain handlers attached to it.
 */
const noPlace = Promise.resolve();

/**
 * The waiters for a slot in a layer with a limit, first come, first served.
 *
 * The layer's `ready()` calls `ready()` here, and the layer calls `wake` whenever a slot becomes
 * free. One waiter is woken at a time. When it has moved and a slot is still free (the waiter left,
 * an inner service held it up, or several slots became free), the next one is woken. So no wake-up
 * is lost to a waiter that did not use it, no crowd is woken for one slot, and no newcomer
 * overtakes a waiter.
 *
 * A promise awaited without `whenReady` cannot report when it has moved. It is woken in its turn
 * together with the next waiter, and counts as a newcomer when it asks again.
 *
 * Cost: nothing without waiting, else a promise and an entry in a list.
 */
export class WaitList {
  readonly #isFree: () => boolean;
  readonly #emptied: (() => void) | undefined;
  /** In order of arrival. */
  readonly #waiting: Waiter[] = [];
  /** Woken, but not yet moved. */
  #awake: Waiter | undefined;

  /**
   * @param isFree Whether the layer that owns this list would admit a call made now.
   * @param emptied Runs whenever the list becomes empty: the last waiter was woken or has left. A
   * layer that wakes by a timer, set while there are waiters, clears it then. A waiter that was
   * woken and could not proceed waits again.
   */
  constructor(isFree: () => boolean, emptied?: () => void) {
    this.#isFree = isFree;
    this.#emptied = emptied;
  }

  /** Number of waiters. */
  get size(): number {
    return this.#waiting.length;
  }

  /**
   * Returns `undefined` when a slot is free and no earlier arrival waits for it; else a place in
   * the queue.
   */
  ready(): undefined | Promise<void> {
    const arrival = queues.asking ?? ++queues.arrivals;
    if (!isEarlier(this.#awake, arrival) && !isEarlier(this.#waiting[0], arrival) && this.#isFree()) {
      return undefined;
    }
    if (queues.onlyAsking) {
      if (this.#emptied !== undefined) queues.asked.push(this);
      return noPlace;
    }
    const waiter = new Waiter(this, arrival);
    this.#waiting.splice(this.#firstFrom(arrival + 1), 0, waiter);
    queues.places.set(waiter.promise, waiter);
    return waiter.promise;
  }

  /** Wakes the first waiter: call it when a slot has, or may have, become free. */
  wake(): void {
    while (this.#awake === undefined && this.#waiting.length > 0 && this.#isFree()) {
      const first = this.#waiting.shift();
      if (first?.held) this.#awake = first;
      first?.resolve();
      if (this.#waiting.length === 0) this.#emptied?.();
    }
  }

  /** @internal The caller that asked does not wait. */
  onlyAsked(): void {
    if (this.#waiting.length === 0) this.#emptied?.();
  }

  /** @internal */
  leave(waiter: Waiter): void {
    // A waiter for any of several services may be here more than once, with the same arrival.
    for (let at = this.#firstFrom(waiter.arrival); this.#waiting[at]?.arrival === waiter.arrival; at++) {
      if (this.#waiting[at] === waiter) {
        this.#waiting.splice(at, 1);
        if (this.#waiting.length === 0) this.#emptied?.();
        return;
      }
    }
    if (this.#awake !== waiter) return;
    this.#awake = undefined;
    this.wake();
  }

  /** Returns the index of the first waiter with this arrival or a later one. */
  #firstFrom(arrival: number): number {
    let low = 0;
    let high = this.#waiting.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (isEarlier(this.#waiting[middle], arrival)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function isEarlier(waiter: Waiter | undefined, arrival: number): boolean {
  return waiter !== undefined && waiter.arrival < arrival;
}

class Waiter implements Place {
  readonly arrival: number;
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly #list: WaitList;
  held = false;

  constructor(list: WaitList, arrival: number) {
    this.#list = list;
    this.arrival = arrival;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.promise = promise;
    this.resolve = resolve;
  }

  hold(): void {
    this.held = true;
  }

  leave(): void {
    this.#list.leave(this);
  }
}
