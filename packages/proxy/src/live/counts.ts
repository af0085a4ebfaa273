/** Counts of the same things, told apart by the words of their key. */
export interface Counts {
  readonly key: readonly string[];
  readonly counts: readonly number[];
}

/** What a process has counted since it began. */
export interface Reading {
  /** Tells processes apart. */
  readonly pid: number;
  readonly rows: readonly Counts[];
}

/** A row as it is sent: the words of its key, then its counts. */
export function countsOf(row: readonly (string | number)[], words: number): Counts {
  return { key: row.slice(0, words) as string[], counts: row.slice(words) as number[] };
}

/** Sums counts with the same key. */
export class Sums {
  readonly #rows = new Map<string, { readonly key: readonly string[]; readonly counts: number[] }>();

  get rows(): readonly Counts[] {
    return [...this.#rows.values()];
  }

  /** @param factor 1, or -1 to take back what has been added. */
  add(key: readonly string[], counts: readonly number[], factor: 1 | -1 = 1): void {
    const id = key.join("\n");
    const row = this.#rows.get(id);
    if (row === undefined) {
      this.#rows.set(id, { key, counts: [...counts] });
      return;
    }
    for (const [at, count] of counts.entries()) row.counts[at] = (row.counts[at] ?? 0) + factor * count;
    if (factor === -1 && row.counts.every((count) => count === 0)) this.#rows.delete(id);
  }
}

/**
 * Turns what processes have counted since they began into what they have counted together since the
 * last reading. Nothing is ever negative, whatever has become of a process: what one that died had
 * not told is missing, and the counts of its replacement begin with zero.
 */
export class Deltas {
  readonly #last = new Map<number, ReadonlyMap<string, readonly number[]>>();
  /** The processes at the last reading. */
  #running: ReadonlySet<number> | undefined;

  /**
   * @param running All processes, those that did not answer too.
   * @returns Only what has been counted; undefined for the first reading.
   */
  next(readings: readonly Reading[], running: ReadonlySet<number>): readonly Counts[] | undefined {
    const before = this.#running;
    this.#running = running;
    for (const pid of this.#last.keys()) if (!running.has(pid)) this.#last.delete(pid);
    const sums = new Sums();
    for (const { pid, rows } of readings) {
      const last = this.#last.get(pid);
      const now = new Map<string, readonly number[]>();
      // What a process had counted by the last reading, which it did not answer, is not new.
      const isKnown = last !== undefined || before?.has(pid) === false;
      for (const { key, counts } of rows) {
        const id = key.join("\n");
        now.set(id, counts);
        const delta = isKnown ? difference(last?.get(id), counts) : undefined;
        if (delta !== undefined) sums.add(key, delta);
      }
      this.#last.set(pid, now);
    }
    return before === undefined ? undefined : sums.rows;
  }
}

/** Undefined if nothing has been counted. A series that was dropped and has come back starts afresh. */
function difference(before: readonly number[] = [], now: readonly number[]): readonly number[] | undefined {
  const isAfresh = now.some((count, at) => count < (before[at] ?? 0));
  const delta = isAfresh ? now : now.map((count, at) => count - (before[at] ?? 0));
  return delta.some((count) => count > 0) ? delta : undefined;
}

interface Step {
  readonly from: number;
  readonly to: number;
  readonly rows: readonly Counts[];
}

/** Counts of the last `ms` milliseconds, or of the last step if that is longer. */
export class Window {
  readonly #ms: number;
  readonly #steps: Step[] = [];
  readonly #sums = new Sums();

  constructor(ms: number) {
    this.#ms = ms;
  }

  add(step: Step): void {
    this.#steps.push(step);
    for (const { key, counts } of step.rows) this.#sums.add(key, counts);
    while (this.#steps.length > 1 && (this.#steps[0] as Step).to <= step.to - this.#ms) {
      const { rows } = this.#steps.shift() as Step;
      for (const { key, counts } of rows) this.#sums.add(key, counts, -1);
    }
  }

  get rows(): readonly Counts[] {
    return this.#sums.rows;
  }

  /** How long it is so far, in seconds. */
  get seconds(): number {
    const [first] = this.#steps;
    const last = this.#steps.at(-1);
    return first === undefined || last === undefined ? 0 : (last.to - first.from) / 1_000;
  }
}
