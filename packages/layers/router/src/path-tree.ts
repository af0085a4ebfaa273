import { isPlain } from "./path.ts";

/**
 * A node of a radix tree of route paths. Its ancestors are prefixes of its text, so one walk along
 * a path finds the exact match, all prefixes, and all patterns with a matching literal beginning.
 * The walk reads each character once and allocates nothing, however many routes there are.
 */
export class TreeNode<T> {
  /** Text added to the parent's. */
  readonly label: string;
  /** Length of the whole text. */
  readonly length: number;
  /** Whether the whole text is plain in the sense of `isPlain`, with any path options. */
  readonly plain: boolean;
  /** In the order added. */
  readonly exact: T[] = [];
  readonly patterns: T[] = [];
  readonly prefixes: T[] = [];
  /** Nearest ancestor with patterns or prefixes, respectively. */
  readonly upToPatterns: TreeNode<T> | undefined;
  readonly upToPrefixes: TreeNode<T> | undefined;
  readonly children: readonly TreeNode<T>[];
  /** First code unit of each child's label, for a compact search. */
  readonly firsts: readonly number[];

  constructor(text: string, growing: Growing<T>, parent: TreeNode<T> | undefined) {
    this.label = text.slice(parent?.length ?? 0);
    this.length = text.length;
    this.plain = text === "" || isPlain(text, true, 0);
    this.exact = growing.exact;
    this.patterns = growing.patterns;
    this.prefixes = growing.prefixes;
    this.upToPatterns = parent === undefined || parent.patterns.length > 0 ? parent : parent.upToPatterns;
    this.upToPrefixes = parent === undefined || parent.prefixes.length > 0 ? parent : parent.upToPrefixes;
    this.children = [...growing.children].map(([label, child]) => new TreeNode(text + label, child, this));
    this.firsts = this.children.map((child) => child.label.charCodeAt(0));
  }
}

/** Returns the deepest node whose text is a prefix of the path. */
export function locate<T>(root: TreeNode<T>, path: string): TreeNode<T> {
  let node = root;
  for (;;) {
    const at = node.length;
    if (at === path.length) return node;
    const { firsts } = node;
    const first = path.charCodeAt(at);
    let n = 0;
    while (n < firsts.length && firsts[n] !== first) n++;
    // Reading past the end of an array is slow.
    if (n === firsts.length) return node;
    const child = node.children[n] as TreeNode<T>;
    if (child.length > path.length) return node;
    const { label } = child;
    for (let m = 1; m < label.length; m++) {
      if (label.charCodeAt(m) !== path.charCodeAt(at + m)) return node;
    }
    node = child;
  }
}

/** A node under construction. */
class Growing<T> {
  readonly exact: T[] = [];
  readonly patterns: T[] = [];
  readonly prefixes: T[] = [];
  readonly children = new Map<string, Growing<T>>();
  readonly #byFirst = new Map<number, string>();

  /** Returns the node of a text, splitting labels where texts diverge. */
  at(text: string): Growing<T> {
    if (text === "") return this;
    const label = this.#byFirst.get(text.charCodeAt(0));
    if (label === undefined) return this.#add(text, new Growing<T>());
    const common = commonLength(label, text);
    const child = this.children.get(label) as Growing<T>;
    if (common === label.length) return child.at(text.slice(common));
    this.children.delete(label);
    const between = this.#add(label.slice(0, common), new Growing<T>());
    between.#add(label.slice(common), child);
    return between.at(text.slice(common));
  }

  #add(label: string, child: Growing<T>): Growing<T> {
    this.children.set(label, child);
    this.#byFirst.set(label.charCodeAt(0), label);
    return child;
  }
}

/** Builds a tree. */
export class TreeBuilder<T> {
  readonly #root = new Growing<T>();

  add(kind: "exact" | "patterns" | "prefixes", text: string, item: T): void {
    this.#root.at(text)[kind].push(item);
  }

  build(): TreeNode<T> {
    return new TreeNode("", this.#root, undefined);
  }
}

function commonLength(a: string, b: string): number {
  let length = 0;
  while (length < a.length && a.charCodeAt(length) === b.charCodeAt(length)) length++;
  return length;
}
