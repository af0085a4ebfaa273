import type { Clock, Timer } from "../clock.ts";
import { settled } from "./settled.ts";

/** A clock that stands still until it is told to go on. */
export interface VirtualClock extends Clock {
  /**
   * Lets time pass: fires every timer due until then, each at its own moment, and lets what it set off settle
   * before the next one. `advance(0)` only lets things settle.
   */
  advance(ms: number): Promise<void>;
  /** Fires timers, wherever they lie in time, until none is left. */
  runAll(): Promise<void>;
  /**
   * Fires the next timer at its moment, and lets nothing settle: for a driver that has a loop of its own, such as a
   * simulation. `false`: none is left.
   */
  fireNext(): boolean;
  /** Lets time pass in which nothing runs, as a process that hangs does: what falls due meanwhile fires late. */
  stall(ms: number): void;
  /** How many timers are set: zero when everything has been cleaned up. */
  readonly pending: number;
  /** Moves the wall time alone, as an operator or a time server does. */
  jumpWallTime(ms: number): void;
}

interface Entry {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
  cleared: boolean;
}

/** @param wallTime What the wall clock shows at first, in milliseconds since 1970 UTC. Default 2026-01-01. */
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
