import { Dfa } from "./dfa.ts";
import { nfaOf } from "./nfa.ts";
import { parse, type Syntax } from "./parse.ts";

/**
 * A regular expression that matches a whole text. Use it for patterns that hostile text is matched
 * against, such as the paths and header values of requests: it looks at each code unit once,
 * whatever the pattern. `RegExp` backtracks, and a hostile text can keep it busy for hours.
 *
 * Syntax: JavaScript's, without flags. Rejected are backreferences and lookaround, which cannot be
 * matched in linear time; `^` and `$` other than at the ends, where they are redundant; word
 * boundaries; and patterns of more than 10,000 characters or 1,000 DFA states, such as `.*a.{20}`, or
 * that would take too long to compile.
 *
 * Cost: 2 to 12 ns per code unit. Memory is allocated when the pattern is compiled, never while
 * matching.
 *
 * Source: K. Thompson, Regular Expression Search Algorithm (1968); M. O. Rabin and D. Scott, Finite
 * Automata and Their Decision Problems (1959); R. Cox, Regular Expression Matching Can Be Simple
 * And Fast (2007).
 */
export class LinearRegex {
  readonly source: string;
  /**
   * The literal that every match begins with; an index over many patterns can skip those whose
   * literal differs.
   */
  readonly literal: string;
  /** For what comes after the literal. */
  readonly #rest: Dfa;

  /** @throws SyntaxError if the pattern is malformed, uses what is rejected, or is too large. */
  constructor(source: string) {
    this.source = source;
    const { literal, rest } = split(parse(source).syntax);
    this.literal = literal;
    const nfa = nfaOf(rest);
    this.#rest = new Dfa(nfa.nodes, 0, nfa.end);
  }

  /** Whether the whole text matches. */
  matches(text: string): boolean {
    return text.startsWith(this.literal) && this.matchesRest(text);
  }

  /** The same for a text that is known to begin with the literal. */
  matchesRest(text: string): boolean {
    return this.#rest.matches(text, this.literal.length);
  }
}

/** Splits off the leading code units that never vary. */
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
