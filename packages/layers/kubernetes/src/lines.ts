/** Splits a stream of bytes into lines of bounded length. */
export class Lines {
  readonly #maxLength: number;
  readonly #decoder = new TextDecoder();
  #rest = "";

  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  /** The lines that these bytes complete; `undefined` if a line is too long. */
  add(bytes: Uint8Array): readonly string[] | undefined {
    // Only what is new is searched: a long line comes in many pieces.
    const [first = "", ...others] = this.#decoder.decode(bytes, { stream: true }).split("\n");
    const last = others.pop();
    const lines = last === undefined ? [] : [this.#rest + first, ...others];
    this.#rest = last ?? this.#rest + first;
    const isTooLong = [this.#rest, ...lines].some((line) => line.length > this.#maxLength);
    return isTooLong ? undefined : lines.filter((line) => line !== "");
  }
}
