import type { Edge } from "./nfa.ts";
import type { Ranges } from "./syntax.ts";

/** With more states than that a pattern is refused: it would need too much memory. */
const maxStates = 1_000;
/** The state from which nothing matches any more. */
export const dead = 0;
/** The state in which matching begins. */
export const start = 1;

/**
 * A deterministic automaton, made as a whole by the subset construction. It looks at each code unit once, whatever
 * the pattern is: a few nanoseconds each.
 */
export class Dfa {
  /** The nodes in which the other automaton may be, by state. */
  readonly sets: readonly ReadonlySet<number>[];
  readonly #units: Units;
  readonly #kinds: Uint16Array;
  readonly #count: number;
  /** By state and kind; states are given as where their row begins, which spares a multiplication for each code unit. */
  readonly #next: Int32Array;
  readonly #accepts: Uint8Array;

  /** @throws SyntaxError when it has too many states. */
  constructor(nodes: readonly (readonly Edge[])[], first: number, accepting: number) {
    this.#units = new Units(nodes.flat().flatMap(({ ranges }) => (ranges === undefined ? [] : [ranges])));
    const { count, low } = this.#units;
    this.#kinds = low;
    this.#count = count;
    const sets: ReadonlySet<number>[] = [new Set(), closure(nodes, [first])];
    const known = new Map(sets.map((set, state) => [keyOf(set), state]));
    const next: number[] = [];
    for (let state = 0; state < sets.length; state++) {
      const targets = this.#targets(nodes, sets[state] as ReadonlySet<number>);
      for (let kind = 0; kind < count; kind++) {
        const set = closure(nodes, targets[kind] ?? []);
        const key = keyOf(set);
        let to = known.get(key);
        if (to === undefined) {
          if (sets.length === maxStates)
            throw new SyntaxError(`it has more than ${maxStates} states to be told apart`);
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

  /** Whether the text is matched from there to its end. */
  matches(text: string, from: number): boolean {
    const next = this.#next;
    const kinds = this.#kinds;
    const units = this.#units;
    let row = start * this.#count;
    for (let at = from; at < text.length; at++) {
      const code = text.charCodeAt(at);
      const kind = code < 256 ? (kinds[code] as number) : units.kindOf(code);
      row = next[row + kind] as number;
      if (row === dead) return false;
    }
    return this.#accepts[row / this.#count] === 1;
  }

  /** The state after one more code unit. */
  step(state: number, code: number): number {
    const kind = code < 256 ? (this.#kinds[code] as number) : this.#units.kindOf(code);
    return (this.#next[state * this.#count + kind] as number) / this.#count;
  }

  #targets(nodes: readonly (readonly Edge[])[], set: ReadonlySet<number>): number[][] {
    const targets: number[][] = [];
    for (const node of set) {
      for (const { ranges, to } of nodes[node] ?? []) {
        for (const kind of ranges === undefined ? [] : this.#units.kindsIn(ranges))
          (targets[kind] ??= []).push(to);
      }
    }
    return targets;
  }
}

/** Code units that no range of a pattern tells apart are of one kind. */
class Units {
  /** The kinds of the first 256. */
  readonly low: Uint16Array = new Uint16Array(256);
  /** Where each kind begins. One kind may come twice: that costs a little memory. */
  readonly #begins: readonly number[];

  constructor(all: readonly Ranges[]) {
    const begins = new Set([0]);
    for (const [from, to] of all.flat()) begins.add(from).add(to + 1);
    this.#begins = [...begins].toSorted((a, b) => a - b);
    for (let code = 0; code < 256; code++) this.low[code] = this.kindOf(code);
  }

  get count(): number {
    return this.#begins.length;
  }

  kindOf(code: number): number {
    let from = 0;
    let to = this.#begins.length;
    while (to - from > 1) {
      const middle = (from + to) >> 1;
      if ((this.#begins[middle] as number) <= code) from = middle;
      else to = middle;
    }
    return from;
  }

  *kindsIn(ranges: Ranges): Generator<number> {
    for (const [from, to] of ranges) {
      for (let kind = this.kindOf(from); (this.#begins[kind] ?? Infinity) <= to; kind++) yield kind;
    }
  }
}

/** With all that can be reached over nothing. */
function closure(nodes: readonly (readonly Edge[])[], from: readonly number[]): ReadonlySet<number> {
  const reached = new Set(from);
  // A set that grows while it is gone over gives what was added, too.
  for (const node of reached) {
    for (const { ranges, to } of nodes[node] ?? []) if (ranges === undefined) reached.add(to);
  }
  return reached;
}

function keyOf(set: ReadonlySet<number>): string {
  return [...set].toSorted((a, b) => a - b).join();
}
