/**
 * Field names, to be found whatever their case. Most names of a message are told from those of the set by their
 * length and first letter alone, which spares them lower case and a look-up: that halves the cost of `endToEnd`.
 */
export class FieldNames {
  readonly #names: ReadonlySet<string>;
  /** A bit for each length, and one for each first letter. Numbers that are equal modulo 32 share theirs. */
  readonly #lengths: number;
  readonly #letters: number;

  /** @param names In lower case. */
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
