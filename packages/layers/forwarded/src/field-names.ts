/**
 * A case-insensitive set of header names. Most names of a message are ruled out by length and first
 * letter together, which saves the conversion to lower case and the lookup.
 */
export class FieldNames {
  readonly #names: ReadonlySet<string>;
  /** By length, one bit per first letter. Letters equal modulo 32 share a bit. */
  readonly #letters: Uint32Array;

  /** @param names Header names in lower case. */
  constructor(names: readonly string[]) {
    this.#names = new Set(names);
    this.#letters = new Uint32Array(1 + Math.max(0, ...names.map(({ length }) => length)));
    for (const name of names) (this.#letters[name.length] as number) |= 1 << name.charCodeAt(0);
  }

  has(name: string): boolean {
    const { length } = name;
    // The codes of `a` and `A` are equal modulo 32.
    return (
      length < this.#letters.length &&
      ((this.#letters[length] as number) & (1 << name.charCodeAt(0))) !== 0 &&
      this.#names.has(name.toLowerCase())
    );
  }
}
