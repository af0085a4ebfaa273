import {
  Composer,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  type LineCounter,
  type Node,
  type Pair,
  Parser,
  type YAMLMap,
} from "yaml";

/** A YAML syntax problem with its position. */
export interface YamlProblem {
  readonly offset: number;
  readonly message: string;
}

/** A parsed YAML text. */
export interface Yaml {
  /** Undefined if parsing stopped early. */
  readonly contents: Node | null | undefined;
  /** Its value, as far as it can be read. */
  readonly value: unknown;
  readonly problems: readonly YamlProblem[];
}

/**
 * Limits that no configuration needs to exceed. Beyond them a text is rejected, which bounds
 * memory, stack and time.
 */
const limits = {
  characters: 8 * 1_024 ** 2,
  lexemes: 1_000_000,
  levels: 100,
  /** Values that aliases add to those written. */
  aliased: 100_000,
};

/** Parses any text; never throws. */
export function readYaml(text: string, lines: LineCounter): Yaml {
  const stopped = (offset: number, message: string): Yaml => ({
    contents: undefined,
    value: undefined,
    problems: [{ offset, message }],
  });
  lines.addNewLine(0);
  if (text.length > limits.characters)
    return stopped(0, `must be at most ${limits.characters} characters (got ${text.length})`);
  const parser = new Parser(lines.addNewLine);
  const tokens = [];
  let lexemes = 0;
  for (const lexeme of new Lexer().lex(text)) {
    tokens.push(...parser.next(lexeme));
    if (++lexemes > limits.lexemes)
      return stopped(parser.offset, `must have at most ${limits.lexemes} words and signs`);
    // The document and its root.
    if (parser.stack.length > limits.levels + 2)
      return stopped(parser.offset, `must be nested at most ${limits.levels} levels deep`);
  }
  tokens.push(...parser.end());
  const [document, second] = [
    ...new Composer({
      lineCounter: lines,
      prettyErrors: false,
      merge: false,
      uniqueKeys: false,
      resolveKnownTags: false,
    }).compose(tokens, true, text.length),
  ] as [Document.Parsed, Document.Parsed | undefined];
  const syntax = [...document.errors, ...document.warnings].map(({ code, message, pos: [offset] }) => ({
    offset,
    // The parser appends the text itself to some messages, and it may be a secret.
    message: inWords[code] ?? message.replace(/:\s.*$/s, ""),
  }));
  if (second !== undefined)
    syntax.push({ offset: second.range[0], message: "must be a single document; a second one begins here" });
  const reader = new Reader();
  const value = reader.valueOf(document.contents);
  // With a syntax error, the apparent value is guesswork.
  return { contents: document.contents, value, problems: syntax.length > 0 ? syntax : reader.problems };
}

/** Messages for the most common mistakes, instead of the parser's own. */
const inWords: Readonly<Record<string, string>> = {
  BLOCK_AS_IMPLICIT_KEY:
    "unexpected field; indent the fields of an object equally, and quote strings that contain a colon",
  TAG_RESOLVE_FAILED: "tags are not supported; quote strings that begin with !",
};

/** The value of an anchor. */
interface Anchored {
  value: unknown;
  /** Its number of values; undefined while it is being read. */
  values: number | undefined;
}

/**
 * Converts nodes to values. The value of an anchor exists once, however many aliases refer to it.
 */
class Reader {
  readonly problems: YamlProblem[] = [];
  readonly #anchors = new Map<string, Anchored>();
  /** The number of values so far, counting those repeated by aliases. */
  #values = 0;
  #aliased = 0;

  valueOf(node: unknown): unknown {
    if (isAlias(node)) return this.#aliasOf(node.source, node.range?.[0] ?? 0);
    const anchor = (node as { readonly anchor?: string } | null)?.anchor;
    if (anchor === undefined) return this.#bareValue(node);
    const before = this.#values;
    const anchored: Anchored = { value: undefined, values: undefined };
    this.#anchors.set(anchor, anchored);
    anchored.value = this.#bareValue(node);
    anchored.values = this.#values - before;
    return anchored.value;
  }

  #bareValue(node: unknown): unknown {
    this.#values++;
    if (isMap(node)) return this.#mapOf(node);
    if (isSeq(node)) return node.items.map((each) => this.valueOf(each));
    return isScalar(node) ? node.value : null;
  }

  #mapOf({ items }: YAMLMap): object {
    const map: Record<string, unknown> = {};
    const names = new Set<string>();
    for (const { key, value } of items as readonly Pair[]) {
      const offset = (key as Node | null)?.range?.[0] ?? 0;
      const name = isScalar(key) ? String(key.value ?? "") : undefined;
      if (name === undefined) this.#report(offset, "the name of a field must be a string");
      else if (name === "__proto__") this.#report(offset, "field names must not be __proto__");
      else if (names.has(name)) this.#report(offset, `duplicate field ${name}`);
      if (isScalar(key) && key.anchor !== undefined) this.valueOf(key);
      const read = this.valueOf(value);
      if (name === undefined || name === "__proto__" || names.has(name)) continue;
      names.add(name);
      map[name] = read;
    }
    return map;
  }

  #aliasOf(name: string, offset: number): unknown {
    const anchored = this.#anchors.get(name);
    if (anchored === undefined) {
      // Most probably a string, and possibly a secret.
      this.#report(offset, "unknown anchor; quote strings that begin with *");
      return undefined;
    }
    if (anchored.values === undefined) {
      this.#report(offset, `alias *${name} refers to itself`);
      return undefined;
    }
    const isOver = this.#aliased > limits.aliased;
    this.#aliased += anchored.values;
    this.#values += anchored.values;
    if (this.#aliased <= limits.aliased) return anchored.value;
    if (!isOver) this.#report(offset, `aliases must stand for at most ${limits.aliased} values in all`);
    return undefined;
  }

  #report(offset: number, message: string): void {
    this.problems.push({ offset, message });
  }
}
