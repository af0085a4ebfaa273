import type { Clock, Timer } from "../clock.ts";
import { settled } from "./settled.ts";

/** A clock that only moves when a test advances it. */
export interface VirtualClock extends Clock {
  /**
   * Advances the time: fires every timer due until then, each at its own moment, and lets
   * everything settle after each one. `advance(0)` only lets everything settle.
   */
  advance(ms: number): Promise<void>;
  /** Fires timers, however far in the future, until none is left. */
  runAll(): Promise<void>;
  /**
   * Fires the next timer at its moment without letting anything settle: for a driver with its own
   * loop, such as a simulation. Returns `false` when no timer is left.
   */
  fireNext(): boolean;
  /**
   * Advances the time without running anything, like a process that hangs: timers due meanwhile
   * fire late.
   */
  stall(ms: number): void;
  /** Number of timers set: 0 when everything has been cleaned up. */
  readonly pending: number;
  /** Moves only the wall time, as an operator or a time server would. */
  jumpWallTime(ms: number): void;
}

interface Entry {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
  cleared: boolean;
}

/** @param wallTime Initial wall time in milliseconds since 1970 UTC. Default 2026-01-01. */
export function virtualClock(wallTime: number = Date.UTC(2026, 0, 1)): VirtualClock {
  let now = 0;
  let order = 0;
  let pending = 0;
  let wall = wallTime;
  const heap: Entry[] = [];

  function fireNext(until: number): boolean {
    while (heap[0]?.cleared) pop(heap);
    const next = heap[0];
    if (next === undefined || next.at > until) return false;
    pop(heap);
    wall += Math.max(0, next.at - now);
    now = Math.max(now, next.at);
    next.cleared = true;
    pending--;
    next.run();
    return true;
  }

  return {
    now: () => now,
    wallTime: () => wall,
    setTimer(ms, run) {
      const entry: Entry = { at: now + Math.max(0, ms), order: order++, run, cleared: false };
      push(heap, entry);
      pending++;
      return entry;
    },
    clearTimer(timer: Timer) {
      const entry = timer as Entry;
      if (entry.cleared) return;
      entry.cleared = true;
      pending--;
    },
    async advance(ms) {
      const until = now + ms;
      await settled();
      while (fireNext(until)) await settled();
      wall += until - now;
      now = until;
    },
    async runAll() {
      await settled();
      while (fireNext(Infinity)) await settled();
    },
    fireNext: () => fireNext(Infinity),
    stall(ms) {
      now += ms;
      wall += ms;
    },
    get pending() {
      return pending;
    },
    jumpWallTime(ms) {
      wall += ms;
    },
  };
}

function before(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

function push(heap: Entry[], entry: Entry): void {
  let at = heap.push(entry) - 1;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!before(entry, heap[parent] as Entry)) break;
    heap[at] = heap[parent] as Entry;
    at = parent;
  }
  heap[at] = entry;
}

function pop(heap: Entry[]): void {
  const last = heap.pop() as Entry;
  if (heap.length === 0) return;
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && before(heap[child + 1] as Entry, heap[child] as Entry)) child++;
    if (!before(heap[child] as Entry, last)) break;
    heap[at] = heap[child] as Entry;
    at = child;
  }
  heap[at] = last;
}
