import { type Either, left } from "fp-ts/lib/Either.js";
import { type Clock, systemClock } from "./clock.ts";
import { aborted, type Aborted } from "./fault.ts";
import { checkDuration } from "./options.ts";
import { type Place, queues } from "./queues.ts";
import { Scope } from "./scope.ts";
import type { Service } from "./service.ts";

/** The part of a service that waiting needs. */
export type Readiness = Pick<Service<never, unknown, unknown>, "ready">;

/** What is handed to those who only ask. Resolved, so that nothing that anybody hangs on it stays there. */
const noPlace = Promise.resolve();

/**
 * Those who wait for a slot in a layer with a limit, first come first served.
 *
 * The layer's `ready()` asks `ready()` here, and the layer calls `wake` whenever a slot has become free. One waiter
 * is woken at a time; when it has moved and a slot is still free (it left, something further in held it up, or
 * several became free), the next one is woken. So no wake-up is lost to a waiter that did not use it, no crowd
 * is woken for one slot, and nobody who comes later slips in before one who waits.
 *
 * A promise that is awaited without `whenReady` cannot say when it has moved: it is woken in its turn, and the
 * next one with it; when it asks again it is a newcomer.
 *
 * Cost: nothing for those who need not wait, else a promise and an entry in a list.
 */
export class WaitList {
  readonly #isFree: () => boolean;
  readonly #emptied: (() => void) | undefined;
  /** In the order of their arrival. */
  readonly #waiting: Waiter[] = [];
  /** Woken, not yet moved. */
  #awake: Waiter | undefined;

  /**
   * @param isFree Whether the layer that owns this list would admit a call made now.
   * @param emptied Runs whenever nobody waits any more: the last one was woken or has left. A layer that wakes by a
   * timer, set while somebody waits, clears it then. One that was woken and could not go waits anew.
   */
  constructor(isFree: () => boolean, emptied?: () => void) {
    this.#isFree = isFree;
    this.#emptied = emptied;
  }

  /** How many wait. */
  get size(): number {
    return this.#waiting.length;
  }

  /** `undefined` when something is free and nobody who came earlier waits for it; else a place in the queue. */
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

  /** Something has become free, or may have: wakes the first who waits. */
  wake(): void {
    while (this.#awake === undefined && this.#waiting.length > 0 && this.#isFree()) {
      const first = this.#waiting.shift();
      if (first?.held) this.#awake = first;
      first?.resolve();
      if (this.#waiting.length === 0) this.#emptied?.();
    }
  }

  /** @internal Whoever asked does not wait. */
  onlyAsked(): void {
    if (this.#waiting.length === 0) this.#emptied?.();
  }

  /** @internal */
  leave(waiter: Waiter): void {
    // One who waits for any of several services may stand here more than once, at the same arrival.
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

  /** Where the first of those stands who came at that arrival or later. */
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

/** Places in several queues at once, of which one is enough. */
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

/** Whether a call made now, in this same tick, would be admitted; asks without waiting. */
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
 * The readiness of several services of which one is enough: `undefined` as soon as one is ready; what a balancer's
 * `ready()` returns. Who waits stands in the queue of each, and gives the other places back when it has moved.
 * Of no services at all none ever becomes ready.
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
 * Waits until a service is ready and acts in that very tick: the one way to wait. Keeps the order of those who
 * wait and hands on a wake-up that it does not use.
 *
 * @param act Runs in the tick in which `ready()` gave `undefined`, so a call made in it is admitted.
 * @returns What `act` returned, or `undefined` when the signal was aborted first; then `act` has not run.
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
      // What was not taken goes to the next one now, not when what `act` began has settled.
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

/** How long a call waits for readiness. */
export interface Wait {
  /** Milliseconds, from 0 (not at all) to 2,147,483,647. */
  readonly maxWaitMs?: number;
  readonly clock?: Clock;
}

/**
 * How long layers that call inner in a later tick let it become ready, unless told otherwise: as long as linkerd waits for
 * an upstream before it fails fast. Long enough for a slot to become free, too short for an open circuit to close.
 */
export const defaultMaxWaitMs = 3_000;

/**
 * Calls a service as soon as it is ready.
 *
 * With `maxWaitMs` it waits that long at most, then calls all the same: a service that is not ready refuses with its own
 * error, which says why (`CircuitOpen`, `ConcurrencyLimited`). Without, it waits as long as the signal lets it, which for
 * an open circuit may be minutes.
 *
 * @returns What the call gives, or {@link Aborted} when the signal was aborted before the service became ready.
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
    // Only an aborted signal gives `undefined`: a call always gives an Either.
    return result ?? left(aborted(signal as AbortSignal));
  }
  checkMaxWait("oneshot", maxWaitMs);
  const patience = new Scope(signal);
  const timer = clock.setTimer(maxWaitMs, () => patience.abort());
  // The wait alone is bounded: it is over when the call begins.
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

/** @throws RangeError when it is no time that a timer takes. */
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
