/** Inclusive ranges of code units, in order and without overlap. */
export type Ranges = readonly (readonly [from: number, to: number])[];

/** A parsed pattern. */
export type Syntax =
  | { readonly kind: "unit"; readonly ranges: Ranges }
  | { readonly kind: "sequence"; readonly items: readonly Syntax[] }
  | { readonly kind: "choice"; readonly items: readonly Syntax[] }
  | {
      readonly kind: "repeat";
      readonly item: Syntax;
      readonly min: number;
      readonly max: number;
      readonly greedy: boolean;
    }
  | { readonly kind: "group"; readonly item: Syntax; readonly index: number };

export interface Parsed {
  readonly syntax: Syntax;
  /** The number of capturing groups. */
  readonly groups: number;
  readonly names: ReadonlyMap<string, number>;
}

const last = 0xffff;
/** In code units. A class or a literal of any length has few states. */
const maxLength = 10_000;
/** The largest count of a repetition. */
const maxCount = 1_000;
/** Nesting of groups: the parser recurses. */
const maxDepth = 100;
const syntaxCharacters = "^$\\.*+?()[]{}|/-";

const digits: Ranges = [[0x30, 0x39]];
const wordUnits: Ranges = [
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
];
const spaces: Ranges = [
  [0x09, 0x0d],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
];
const lineEnds: Ranges = [
  [0x0a, 0x0a],
  [0x0d, 0x0d],
  [0x2028, 0x2029],
];
const sets: Readonly<Record<string, Ranges>> = {
  d: digits,
  D: complement(digits),
  w: wordUnits,
  W: complement(wordUnits),
  s: spaces,
  S: complement(spaces),
};
const controls: Readonly<Record<string, number>> = { t: 0x09, n: 0x0a, v: 0x0b, f: 0x0c, r: 0x0d };

/**
 * Parses JavaScript's syntax without what only old pages rely on, such as a literal brace or an
 * escaped letter without meaning (Annex B).
 *
 * @throws SyntaxError with the offset.
 */
export function parse(source: string): Parsed {
  return new Parser(source).parse();
}

class Parser {
  readonly #source: string;
  readonly #names = new Map<string, number>();
  #at = 0;
  #depth = 0;
  #groups = 0;

  constructor(source: string) {
    this.#source = source;
  }

  parse(): Parsed {
    if (this.#source.length > maxLength)
      throw new SyntaxError(`the pattern is too large: more than ${maxLength} characters`);
    const syntax = this.#choice();
    if (this.#at < this.#source.length) this.#fail("unmatched )");
    return { syntax, groups: this.#groups, names: this.#names };
  }

  #choice(): Syntax {
    const items = [this.#sequence()];
    while (this.#take("|")) items.push(this.#sequence());
    return items.length === 1 ? (items[0] as Syntax) : { kind: "choice", items };
  }

  #sequence(): Syntax {
    const items: Syntax[] = [];
    // The whole text is matched anyway: at the ends both are redundant.
    if (this.#depth === 0) this.#take("^");
    while (this.#at < this.#source.length && !"|)".includes(this.#next())) {
      if (this.#next() === "$" && this.#depth === 0 && "|".includes(this.#source[this.#at + 1] ?? "|")) {
        this.#at++;
        break;
      }
      items.push(this.#quantified(this.#atom()));
    }
    return items.length === 1 ? (items[0] as Syntax) : { kind: "sequence", items };
  }

  #quantified(item: Syntax): Syntax {
    const [min, max] = this.#quantifier();
    if (min === 1 && max === 1) return item;
    const greedy = !this.#take("?");
    if ("*+?{".includes(this.#source[this.#at] ?? " ")) this.#fail("nested quantifier");
    return { kind: "repeat", item, min, max, greedy };
  }

  #quantifier(): readonly [min: number, max: number] {
    if (this.#take("*")) return [0, Infinity];
    if (this.#take("+")) return [1, Infinity];
    if (this.#take("?")) return [0, 1];
    if (this.#source[this.#at] !== "{") return [1, 1];
    const counted = /^\{(\d+)(,?)(\d*)\}/.exec(this.#source.slice(this.#at, this.#at + 20));
    if (counted === null) return this.#fail("incomplete quantifier; for a literal brace write \\{");
    const min = Number(counted[1]);
    const max = counted[2] === "" ? min : counted[3] === "" ? Infinity : Number(counted[3]);
    if (min > max || Math.max(min, max === Infinity ? 0 : max) > maxCount)
      this.#fail(`invalid quantifier ${counted[0]}; counts must ascend and be at most ${maxCount}`);
    this.#at += counted[0].length;
    return [min, max];
  }

  #atom(): Syntax {
    const at = this.#at;
    const character = this.#next();
    this.#at++;
    if (character === "(") return this.#group();
    if (character === "[") return unit(this.#set());
    if (character === ".") return unit(complement(lineEnds));
    if (character === "\\") {
      const escaped = this.#escape();
      return unit(typeof escaped === "number" ? [[escaped, escaped]] : escaped);
    }
    this.#at = at;
    if (character === "^" || character === "$")
      this.#fail(`${character} is only allowed at the ends; the whole text is matched anyway`);
    if ("*+?".includes(character)) this.#fail("nothing to repeat");
    if ("{}]".includes(character)) this.#fail(`unescaped ${character}; write \\${character}`);
    this.#at++;
    const code = character.charCodeAt(0);
    return unit([[code, code]]);
  }

  #group(): Syntax {
    const opening = /^\?(?:(:)|<([A-Za-z_$][\w$]*)>)/.exec(this.#source.slice(this.#at));
    if (opening === null && this.#source[this.#at] === "?") {
      const looks = /^\?<?[=!]/.test(this.#source.slice(this.#at));
      this.#fail(
        looks ? "lookaround is not supported, as it takes more than linear time" : "unsupported group",
      );
    }
    this.#at += opening?.[0].length ?? 0;
    const index = opening?.[1] === undefined ? ++this.#groups : 0;
    const name = opening?.[2];
    if (name !== undefined) {
      if (this.#names.has(name)) this.#fail(`duplicate group name ${name}`);
      this.#names.set(name, index);
    }
    if (++this.#depth > maxDepth) this.#fail(`groups nested deeper than ${maxDepth}`);
    const item = this.#choice();
    this.#depth--;
    if (!this.#take(")")) this.#fail("unclosed (");
    return index === 0 ? { kind: "sequence", items: [item] } : { kind: "group", item, index };
  }

  #set(): Ranges {
    const negated = this.#take("^");
    const ranges: (readonly [number, number])[] = [];
    while (!this.#take("]")) {
      const from = this.#inSet();
      if (typeof from !== "number") {
        ranges.push(...from);
        if (this.#source[this.#at] === "-" && this.#source[this.#at + 1] !== "]")
          this.#fail("a class escape cannot begin a range");
      } else if (this.#source[this.#at] === "-" && this.#source[this.#at + 1] !== "]") {
        this.#at++;
        const to = this.#inSet();
        if (typeof to !== "number" || to < from) this.#fail("invalid range");
        ranges.push([from, to as number]);
      } else ranges.push([from, from]);
    }
    const united = unite(ranges);
    return negated ? complement(united) : united;
  }

  #inSet(): number | Ranges {
    if (this.#at >= this.#source.length) this.#fail("unclosed [");
    const character = this.#next();
    this.#at++;
    return character === "\\" ? this.#escape() : character.charCodeAt(0);
  }

  /** What follows a backslash: a code unit, or a class. */
  #escape(): number | Ranges {
    const letter = this.#source[this.#at] ?? "";
    const known = Object.hasOwn(sets, letter) ? sets[letter] : undefined;
    const control = Object.hasOwn(controls, letter) ? controls[letter] : undefined;
    const coded = /^(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4}))/.exec(this.#source.slice(this.#at, this.#at + 5));
    if (coded !== null) {
      this.#at += coded[0].length;
      return Number.parseInt((coded[1] ?? coded[2]) as string, 16);
    }
    if (/[1-9k]/.test(letter))
      this.#fail("backreferences are not supported, as they take more than linear time");
    if (known === undefined && control === undefined && (letter === "" || !syntaxCharacters.includes(letter)))
      this.#fail(`unsupported escape \\${letter}`);
    this.#at++;
    return known ?? control ?? letter.charCodeAt(0);
  }

  #next(): string {
    return this.#source[this.#at] as string;
  }

  #take(character: string): boolean {
    if (this.#source[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #fail(what: string): never {
    throw new SyntaxError(`${what} (at offset ${this.#at})`);
  }
}

function unit(ranges: Ranges): Syntax {
  return { kind: "unit", ranges };
}

function unite(ranges: Ranges): Ranges {
  const united: [number, number][] = [];
  for (const [from, to] of ranges.toSorted((a, b) => a[0] - b[0])) {
    const before = united.at(-1);
    if (before !== undefined && from <= before[1] + 1) before[1] = Math.max(before[1], to);
    else united.push([from, to]);
  }
  return united;
}

function complement(ranges: Ranges): Ranges {
  const rest: [number, number][] = [];
  let from = 0;
  for (const [first, end] of ranges) {
    if (first > from) rest.push([from, first - 1]);
    from = end + 1;
  }
  if (from <= last) rest.push([from, last]);
  return rest;
}
