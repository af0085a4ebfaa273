import { distance } from "fastest-levenshtein";
import { type Document, isMap, isPair, isScalar, LineCounter, type Node, parseDocument, visit } from "yaml";

/** Where something stands in a file; both count from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** One thing that is wrong with a configuration file. */
export interface Problem extends Place {
  /** `clusters.shop.endpoints[0]`; empty for the file as a whole. */
  readonly path: string;
  /** What is there, and what would be right. */
  readonly message: string;
}

type Key = string | number;

/** An alias repeats what it stands for, and so do those in there: a short text could fill the memory. */
const maxAliases = 100;

/** A configuration file as data, which knows where each of its values stands. YAML, and so JSON. */
export class ConfigDocument {
  readonly #document: Document.Parsed;
  readonly #lines = new LineCounter();
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
    this.#document = parseDocument(text, {
      lineCounter: this.#lines,
      prettyErrors: false,
      merge: false,
      uniqueKeys: true,
    });
  }

  /** What YAML itself finds wrong. */
  get problems(): readonly Problem[] {
    const found = [...this.#document.errors, ...this.#document.warnings];
    const problems = found.map(({ code, message, pos: [offset] }) =>
      this.#yamlProblem(offset, this.#inWords(code, offset) ?? message),
    );
    return problems.length > 0 ? problems : this.#aliasProblems();
  }

  /** Where there are problems: what could be read, or it throws. */
  get value(): unknown {
    return this.#document.toJS({ maxAliasCount: maxAliases }) as unknown;
  }

  #aliasProblems(): readonly Problem[] {
    const problems: Problem[] = [];
    visit(this.#document, {
      Alias: (_key, alias) => {
        if (alias.resolve(this.#document) !== undefined) return;
        const message = `there is no anchor &${alias.source}`;
        problems.push(this.#yamlProblem(alias.range?.[0] ?? 0, message));
      },
    });
    if (problems.length > 0) return problems;
    try {
      void this.value;
    } catch {
      problems.push(
        this.#yamlProblem(0, `aliases multiply; valid is that none stands for over ${maxAliases}`),
      );
    }
    return problems;
  }

  /** Of what people do wrong most often; what the parser says of it is for programmers. */
  #inWords(code: string, offset: number): string | undefined {
    if (code === "DUPLICATE_KEY") {
      const [name] = /^[^:\s]+/.exec(this.#text.slice(offset)) ?? [];
      return `${name} is there already; valid is each field once`;
    }
    if (code === "MULTIPLE_DOCS") return "a second document begins here; valid is one";
    if (code === "BLOCK_AS_IMPLICIT_KEY")
      return "a field begins where none can; valid are fields of equal indentation, and quotes around texts with a colon";
    return undefined;
  }

  #yamlProblem(offset: number, message: string): Problem {
    return { path: "", message, ...this.#place(offset) };
  }

  /** @param key Where the name of the last part stands, instead of its value. */
  problem(path: readonly Key[], message: string, key = false): Problem {
    return { path: pathText(path), message, ...this.#place(this.#offset(path, key)) };
  }

  /** The offset of the deepest part of the path that there is. */
  #offset(path: readonly Key[], key: boolean): number {
    let node: unknown = this.#document.contents;
    let offset = (node as Node | null)?.range?.[0] ?? 0;
    for (const [depth, part] of path.entries()) {
      const isLast = depth === path.length - 1;
      const pair = isMap(node)
        ? node.items.find(
            (item) => isPair(item) && isScalar(item.key) && String(item.key.value) === String(part),
          )
        : undefined;
      const next = pair === undefined ? this.#child(node, part) : key && isLast ? pair.key : pair.value;
      const range = (next as Node | null | undefined)?.range ?? (pair?.key as Node | undefined)?.range;
      if (range === undefined || range === null) return offset;
      offset = range[0];
      node = next;
    }
    return offset;
  }

  #child(node: unknown, part: Key): unknown {
    const items = (node as { readonly items?: readonly unknown[] } | null)?.items;
    return typeof part === "number" ? items?.[part] : undefined;
  }

  #place(offset: number): Place {
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }
}

/** `clusters.shop.endpoints[0]` */
export function pathText(path: readonly Key[]): string {
  return path
    .map((part, at) => (typeof part === "number" ? `[${part}]` : at === 0 ? part : `.${part}`))
    .join("");
}

/** The name that was probably meant; `undefined` when none is near. */
export function nearest(name: string, names: Iterable<string>): string | undefined {
  let best: string | undefined;
  // Two that have changed places count twice.
  let least = Math.max(1, Math.floor(name.length / 2)) + 1;
  for (const each of names) {
    const off = distance(name.toLowerCase(), each.toLowerCase());
    if (off < least) {
      least = off;
      best = each;
    }
  }
  return best;
}

/** A line for people: `pagoda.yaml:12:5: clusters.shop: …`. */
export function problemText(file: string, { line, column, path, message }: Problem): string {
  return `${file}:${line}:${column}: ${path === "" ? "" : `${path}: `}${message}`;
}
