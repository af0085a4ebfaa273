import { type Place, queues } from "./queues.ts";
import type { Service } from "./service.ts";

/** The part of a service that waiters need. */
export type Readiness = Pick<Service<never, unknown, unknown>, "ready">;

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
