import { type Either, left } from "fp-ts/lib/Either.js";
import { type Clock, systemClock } from "./clock.ts";
import { aborted, type Aborted } from "./fault.ts";
import { checkDuration } from "./options.ts";
import { type Place, queues } from "./queues.ts";
import { Scope } from "./scope.ts";
import type { Service } from "./service.ts";

/** The part of a service that waiters need. */
export type Readiness = Pick<Service<never, unknown, unknown>, "ready">;

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

/** Places in several queues at once, one of which is enough. */
class AnyPlace implements Place {
  readonly #places: readonly Place[];

  constructor(turns: readonly Promise<void>[]) {
    this.#places = turns.flatMap((turn) => queues.places.get(turn) ?? []);
  }

  hold(): void {
    for (const place of this.#places) place.hold();
  }

  leave(): void {
    for (const place of this.#places) place.leave();
  }
}

/**
 * Whether a call made now, in this same tick, would be admitted. Asks without taking a place in a
 * queue.
 */
export function isReady(service: Readiness): boolean {
  const before = queues.onlyAsking;
  queues.onlyAsking = true;
  try {
    return service.ready() === undefined;
  } finally {
    queues.onlyAsking = before;
    if (!before) while (queues.asked.length > 0) queues.asked.pop()?.onlyAsked();
  }
}

/**
 * Returns the readiness of several services, one of which is enough: `undefined` as soon as one is
 * ready. A balancer's `ready()` returns this. A waiter stands in the queue of each service and
 * gives up the other places when it has moved. Without any services the promise never settles.
 */
export function anyReady(services: Iterable<Readiness>): undefined | Promise<void> {
  const turns: Promise<void>[] = [];
  for (const service of services) {
    const turn = service.ready();
    if (turn === undefined) {
      new AnyPlace(turns).leave();
      return undefined;
    }
    turns.push(turn);
  }
  const any = Promise.race(turns);
  queues.places.set(any, new AnyPlace(turns));
  return any;
}

/**
 * Waits until a service is ready and acts in that same tick. This is the only correct way to wait:
 * it keeps waiters in order and passes on a wake-up that it does not use.
 *
 * @param act Runs in the tick in which `ready()` returned `undefined`, so a call made in it is
 * admitted.
 * @returns The result of `act`, or `undefined` when the signal was aborted first; then `act` has
 * not run.
 */
export async function whenReady<T>(
  service: Readiness,
  act: () => T,
  signal?: AbortSignal,
): Promise<Awaited<T> | undefined> {
  const arrival = ++queues.arrivals;
  let place: Place | undefined;
  try {
    while (!signal?.aborted) {
      const before = queues.asking;
      const onlyAsked = queues.onlyAsking;
      let turn: undefined | Promise<void>;
      let acted: T | undefined;
      queues.asking = arrival;
      queues.onlyAsking = false;
      try {
        turn = service.ready();
        if (turn === undefined) acted = act();
      } finally {
        queues.asking = before;
        queues.onlyAsking = onlyAsked;
      }
      const next = turn && queues.places.get(turn);
      next?.hold();
      // A slot that was not taken goes to the next waiter now, not when the work started by `act`
      // has settled.
      place?.leave();
      place = next;
      if (turn === undefined) return await (acted as T);
      await (signal === undefined ? turn : settledOrAborted(turn, signal));
    }
    return undefined;
  } finally {
    place?.leave();
  }
}

/** Limits how long a call waits for readiness. */
export interface Wait {
  /** Milliseconds, from 0 (not at all) to 2,147,483,647. */
  readonly maxWaitMs?: number;
  readonly clock?: Clock;
}

/**
 * How long layers that call inner in a later tick wait for its readiness by default: as long as
 * linkerd waits for an upstream before it fails fast. Long enough for a slot to become free, too
 * short for an open circuit to close.
 */
export const defaultMaxWaitMs = 3_000;

/**
 * Calls a service as soon as it is ready.
 *
 * With `maxWaitMs` it waits at most that long, then calls anyway: a service that is not ready
 * refuses with its own error, which states the reason (`CircuitOpen`, `ConcurrencyLimited`).
 * Without `maxWaitMs` it waits until the signal is aborted, which for an open circuit may take
 * minutes.
 *
 * @returns The call's result, or {@link Aborted} when the signal was aborted before the service
 * became ready.
 * @throws RangeError (as a rejection) when `maxWaitMs` is out of range.
 */
export async function oneshot<Req, Res, Err>(
  service: Service<Req, Res, Err>,
  request: Req,
  signal?: AbortSignal,
  { maxWaitMs, clock = systemClock }: Wait = {},
): Promise<Either<Err | Aborted, Res>> {
  const call = (): Promise<Either<Err, Res>> => service.call(request, signal);
  if (maxWaitMs === undefined || isReady(service)) {
    const result = await whenReady(service, call, signal);
    // Only an aborted signal leads to `undefined`: a call always returns an Either.
    return result ?? left(aborted(signal as AbortSignal));
  }
  checkMaxWait("oneshot", maxWaitMs);
  const patience = new Scope(signal);
  const timer = clock.setTimer(maxWaitMs, () => patience.abort());
  // Only the wait is bounded: it is over when the call begins.
  const begin = (): { readonly answer: Promise<Either<Err, Res>> } => {
    clock.clearTimer(timer);
    patience.end();
    return { answer: call() };
  };
  try {
    const begun = await whenReady(service, begin, patience.signal);
    if (begun !== undefined) return await begun.answer;
  } finally {
    clock.clearTimer(timer);
    patience.end();
  }
  return signal?.aborted ? left(aborted(signal)) : call();
}

/** @throws RangeError when `maxWaitMs` is not a delay that timers support. */
export function checkMaxWait(of: string, maxWaitMs: number): void {
  checkDuration(`${of}: maxWaitMs`, maxWaitMs, { min: 0 });
}

function settledOrAborted(turn: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      signal.removeEventListener("abort", settle);
      resolve();
    };
    signal.addEventListener("abort", settle);
    void turn.then(settle);
  });
}
