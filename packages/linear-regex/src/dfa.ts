import type { Edge } from "./nfa.ts";
import type { Ranges } from "./parse.ts";

/** Patterns with more states are rejected: their tables would take too much memory. */
const maxStates = 1_000;
/**
 * Entries of the table and nodes visited for them: what building takes, which states alone do not
 * bound.
 */
const maxSteps = 500_000;
/** No continuation of the text matches. */
export const dead = 0;
export const start = 1;

/**
 * A deterministic automaton, built ahead of time by subset construction: a few nanoseconds per code
 * unit.
 */
export class Dfa {
  /** The NFA nodes that each state stands for. */
  readonly sets: readonly ReadonlySet<number>[];
  readonly #classes: CodeUnitClasses;
  readonly #low: Uint16Array;
  readonly #count: number;
  /**
   * By state and class. A state is the offset of its row, which saves a multiplication per code
   * unit.
   */
  readonly #next: Int32Array;
  readonly #accepts: Uint8Array;
  #steps = 0;

  /** @throws SyntaxError if it has too many states, or takes too many steps to build. */
  constructor(nodes: readonly (readonly Edge[])[], first: number, accepting: number) {
    this.#classes = new CodeUnitClasses(
      new Set(nodes.flat().flatMap(({ ranges }) => (ranges === undefined ? [] : [ranges]))),
    );
    const { count, low } = this.#classes;
    this.#low = low;
    this.#count = count;
    const sets: ReadonlySet<number>[] = [new Set(), closure(nodes, [first])];
    const known = new Map(sets.map((set, state) => [keyOf(set), state]));
    const next: number[] = [];
    for (let state = 0; state < sets.length; state++) {
      this.#spend(count);
      const targets = this.#targets(nodes, sets[state] as ReadonlySet<number>);
      for (let column = 0; column < count; column++) {
        const target = targets[column];
        if (target === undefined) {
          next.push(dead);
          continue;
        }
        const set = closure(nodes, target);
        this.#spend(set.size);
        const key = keyOf(set);
        let to = known.get(key);
        if (to === undefined) {
          if (sets.length === maxStates)
            throw new SyntaxError(`the pattern is too large: more than ${maxStates} DFA states`);
          to = sets.push(set) - 1;
          known.set(key, to);
        }
        next.push(to);
      }
    }
    this.sets = sets;
    this.#next = Int32Array.from(next, (state) => state * count);
    this.#accepts = Uint8Array.from(sets, (set) => (set.has(accepting) ? 1 : 0));
  }

  /** Whether the text matches from that offset to its end. */
  matches(text: string, from: number): boolean {
    const next = this.#next;
    const low = this.#low;
    const classes = this.#classes;
    let row = start * this.#count;
    for (let at = from; at < text.length; at++) {
      const code = text.charCodeAt(at);
      const column = code < 256 ? (low[code] as number) : classes.classOf(code);
      row = next[row + column] as number;
      if (row === dead) return false;
    }
    return this.#accepts[row / this.#count] === 1;
  }

  /** The state after one more code unit. */
  step(state: number, code: number): number {
    const column = code < 256 ? (this.#low[code] as number) : this.#classes.classOf(code);
    return (this.#next[state * this.#count + column] as number) / this.#count;
  }

  #targets(nodes: readonly (readonly Edge[])[], set: ReadonlySet<number>): number[][] {
    const targets: number[][] = [];
    for (const node of set) {
      for (const { ranges, to } of nodes[node] ?? []) {
        for (const column of ranges === undefined ? [] : this.#classes.classesIn(ranges)) {
          this.#spend(1);
          (targets[column] ??= []).push(to);
        }
      }
    }
    return targets;
  }

  #spend(steps: number): void {
    this.#steps += steps;
    if (this.#steps > maxSteps)
      throw new SyntaxError(`the pattern is too large: more than ${maxSteps} steps to compile it`);
  }
}

/** Classes of code units: all units of a class are in the same ranges of the pattern. */
class CodeUnitClasses {
  /** The classes of the first 256 code units. */
  readonly low: Uint16Array = new Uint16Array(256);
  /**
   * The first code unit of each class. Equal classes are not merged, which costs a little memory.
   */
  readonly #begins: readonly number[];

  constructor(all: ReadonlySet<Ranges>) {
    const begins = new Set([0]);
    for (const ranges of all) for (const [from, to] of ranges) begins.add(from).add(to + 1);
    this.#begins = [...begins].toSorted((a, b) => a - b);
    for (let code = 0; code < 256; code++) this.low[code] = this.classOf(code);
  }

  get count(): number {
    return this.#begins.length;
  }

  classOf(code: number): number {
    let from = 0;
    let to = this.#begins.length;
    while (to - from > 1) {
      const middle = (from + to) >> 1;
      if ((this.#begins[middle] as number) <= code) from = middle;
      else to = middle;
    }
    return from;
  }

  *classesIn(ranges: Ranges): Generator<number> {
    for (const [from, to] of ranges) {
      for (let column = this.classOf(from); (this.#begins[column] ?? Infinity) <= to; column++) yield column;
    }
  }
}

/** The epsilon closure. */
function closure(nodes: readonly (readonly Edge[])[], from: readonly number[]): ReadonlySet<number> {
  const reached = new Set(from);
  // Iterating over a set visits what is added meanwhile.
  for (const node of reached) {
    for (const { ranges, to } of nodes[node] ?? []) if (ranges === undefined) reached.add(to);
  }
  return reached;
}

function keyOf(set: ReadonlySet<number>): string {
  return [...set].toSorted((a, b) => a - b).join();
}
