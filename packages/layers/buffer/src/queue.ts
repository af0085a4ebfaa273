import { type Clock, type Readiness, Scope, type Timer, WaitList, whenReady } from "@pagoda/core";
import { Patience, type PatienceOptions } from "./patience.ts";
import type { BufferRoom } from "./room.ts";

/** What becomes of one who waits; exactly one of them is called, except that `pass` may fail. */
export interface Fate {
  /** Inner is ready in this tick. */
  readonly pass: (waitedMs: number) => void;
  readonly timeOut: (waitedMs: number) => void;
  /** Called in the tick of the caller's abort. */
  readonly abort: () => void;
  /** A defect: `pass`, or inner's `ready()`, has thrown. */
  readonly fail: (defect: unknown) => void;
}

/** One who waits. */
interface Entry {
  readonly since: number;
  timer?: Timer;
}

/**
 * Those who wait for inner, first come first served.
 *
 * Only the first of them asks inner; the others wait for their turn to be the first. So the order is kept around any
 * inner, also one whose `ready()` wakes everybody at once, and a balancer gets one in its queues instead of all. Each
 * waits by itself through `whenReady`, with the rank of its own arrival: whoever shares inner with this queue does not
 * get ahead of those who have been here for longer, and inner is called in the async context of the one it is for.
 */
export class Queue {
  readonly #inner: Readiness;
  readonly #clock: Clock;
  readonly #patience: Patience;
  /** In the order of their arrival. */
  readonly #entries = new Set<Entry>();
  /** The one who asks inner. */
  #first: Entry | undefined;
  readonly #turns = new WaitList(() => this.#first === undefined);
  readonly #room: BufferRoom;
  /** Those who wait for room. */
  readonly #outside: WaitList;

  constructor(inner: Readiness, room: BufferRoom, capacity: number, patience: PatienceOptions, clock: Clock) {
    this.#inner = inner;
    this.#room = room;
    this.#clock = clock;
    this.#patience = new Patience(patience);
    this.#outside = new WaitList(
      () => room.taken < capacity,
      () => room.waiting.delete(this.#outside),
    );
  }

  get size(): number {
    return this.#entries.size;
  }

  /** How many wait for room. */
  get outside(): number {
    return this.#outside.size;
  }

  /** `undefined` while there is room. */
  ready(): undefined | Promise<void> {
    const turn = this.#outside.ready();
    if (turn !== undefined) this.#room.waiting.add(this.#outside);
    return turn;
  }

  /** How long the one has waited who came first; 0 when nobody waits. */
  oldestMs(): number {
    for (const { since } of this.#entries) return this.#clock.now() - since;
    return 0;
  }

  /** @param signal Not aborted yet. */
  join(signal: AbortSignal | undefined, fate: Fate): void {
    const since = this.#clock.now();
    const entry: Entry = { since };
    const patienceMs = this.#patience.joined(since, this.#entries.size === 0);
    this.#entries.add(entry);
    this.#room.taken++;

    const scope = new Scope(signal, () => {
      this.#leave(entry);
      fate.abort();
    });
    entry.timer = this.#clock.setTimer(patienceMs, () => {
      this.#leave(entry);
      scope.abort();
      fate.timeOut(this.#clock.now() - since);
    });
    const pass = (): void => {
      scope.end();
      this.#leave(entry);
      fate.pass(this.#clock.now() - since);
    };
    whenReady({ ready: () => this.#readyFor(entry) }, pass, scope.signal).catch((defect: unknown) => {
      scope.end();
      this.#leave(entry);
      fate.fail(defect);
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

  /** It waits no more, whatever the reason; its room and its turn go to the next. */
  #leave(entry: Entry): void {
    const had = this.#entries.delete(entry);
    if (entry.timer !== undefined) this.#clock.clearTimer(entry.timer);
    if (this.#first === entry) {
      this.#first = undefined;
      this.#turns.wake();
    }
    if (had) this.#room.leave();
  }
}
