/**
 * A place in a queue, behind a promise that `ready()` gave. Whoever waits finds it by that promise and says when
 * it has moved: called, gone on waiting elsewhere, or left.
 */
export interface Place {
  /** The one who waits promises to say `leave`. */
  hold(): void;
  /** It has moved: it leaves the queue, and what it did not take goes to the next. */
  leave(): void;
}

/** What those who wait and those whom they wait for know of each other. */
export interface Queues {
  readonly places: WeakMap<Promise<void>, Place>;
  /** Counts those who came to wait, or to ask. */
  arrivals: number;
  /**
   * The arrival of the one who asks `ready()` in this very tick; `whenReady` says it. Its rank goes with it from queue
   * to queue. Without that, two who were woken in two queues of one stack would send each other to the end of the
   * other queue for ever.
   */
  asking: number | undefined;
  /** Somebody asks in this very tick without meaning to wait: no place in a queue is made for it. */
  onlyAsking: boolean;
  /** Lists that were asked so and must say that nobody waits, for the sake of what their layer has begun on being asked. */
  readonly asked: { onlyAsked(): void }[];
}

const key: unique symbol = Symbol.for("@pagoda/core/queues@1");
const program = globalThis as { [key]?: Queues };

/**
 * One for the whole program, since a stack may hold layers with another copy of this package. The version in its key is
 * that of its shape.
 */
export const queues: Queues = (program[key] ??= {
  places: new WeakMap(),
  arrivals: 0,
  asking: undefined,
  onlyAsking: false,
  asked: [],
});
