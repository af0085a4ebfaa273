import { Dfa } from "./dfa.ts";
import { nfaOf } from "./nfa.ts";
import { parse, type Syntax } from "./syntax.ts";

/**
 * A regular expression that matches a text as a whole, in time that grows with the text's length and with nothing else:
 * an automaton that looks at each code unit once, for 4 to 12 ns. JavaScript's own engine tries one way after the other,
 * and on a hostile text there may be more of them than there is time for.
 *
 * Its syntax is JavaScript's without flags. Refused are back-references and look-around, which no such automaton can
 * match; `^` and `$` inside, where they say nothing; word boundaries; and patterns that would need more than 1,000
 * states, such as `.*a.{20}`.
 *
 * Source: K. Thompson, Regular Expression Search Algorithm (1968); M. O. Rabin and D. Scott, Finite Automata and Their
 * Decision Problems (1959); R. Cox, Regular Expression Matching Can Be Simple And Fast (2007).
 */
export class Pattern {
  readonly source: string;
  /** What every text that matches begins with. */
  readonly literal: string;
  /** For what comes after the literal. */
  readonly #rest: Dfa;

  /** @throws SyntaxError that says what is not understood, or that it is too large. */
  constructor(source: string) {
    this.source = source;
    const { literal, rest } = split(parse(source).syntax);
    this.literal = literal;
    const nfa = nfaOf(rest);
    this.#rest = new Dfa(nfa.nodes, 0, nfa.end);
  }

  matches(text: string): boolean {
    return text.startsWith(this.literal) && this.matchesRest(text);
  }

  /** For a text of which it is known that it begins with the literal. */
  matchesRest(text: string): boolean {
    return this.#rest.matches(text, this.literal.length);
  }
}

/** Takes the code units off the front that are always the same. */
function split(syntax: Syntax): { readonly literal: string; readonly rest: Syntax } {
  const items = syntax.kind === "sequence" ? syntax.items : [syntax];
  let literal = "";
  for (const item of items) {
    const only = item.kind === "unit" && item.ranges.length === 1 ? item.ranges[0] : undefined;
    if (only === undefined || only[0] !== only[1]) break;
    literal += String.fromCharCode(only[0]);
  }
  return { literal, rest: { kind: "sequence", items: items.slice(literal.length) } };
}
