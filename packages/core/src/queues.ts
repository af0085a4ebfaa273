/**
 * A place in a queue, behind a promise that `ready()` returned. The waiter looks it up by that
 * promise and reports when it has moved: made its call, continued to wait elsewhere, or left.
 */
export interface Place {
  /** The waiter commits to calling `leave`. */
  hold(): void;
  /**
   * The waiter has moved: it leaves the queue, and a slot that it did not take goes to the next
   * waiter.
   */
  leave(): void;
}

/** State shared by waiters and the services that they wait for. */
export interface Queues {
  readonly places: WeakMap<Promise<void>, Place>;
  /** Counts everyone that came to wait or to ask. */
  arrivals: number;
  /**
   * The arrival number of the waiter that calls `ready()` in this tick, set by `whenReady`. A
   * waiter keeps its rank from queue to queue. Otherwise two waiters woken in two queues of one
   * stack would send each other to the end of the other queue forever.
   */
  asking: number | undefined;
  /** Readiness is asked in this tick without the intention to wait: no place in a queue is made. */
  onlyAsking: boolean;
  /**
   * Lists that were asked in this way; each must report that nobody waits, so that its layer undoes
   * what it has started.
   */
  readonly asked: { onlyAsked(): void }[];
}

const key: unique symbol = Symbol.for("@pagoda/core/queues@1");
const program = globalThis as { [key]?: Queues };

/**
 * One per program, since a stack may contain layers with another copy of this package. The version
 * in the key is that of the interface.
 */
export const queues: Queues = (program[key] ??= {
  places: new WeakMap(),
  arrivals: 0,
  asking: undefined,
  onlyAsking: false,
  asked: [],
});
