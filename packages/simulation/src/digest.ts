/** A hash of everything that happened, in order: equal digests mean equal runs. Two FNV-1a hashes over 32-bit words. */
export class Digest {
  readonly #float = new Float64Array(1);
  readonly #words = new Uint32Array(this.#float.buffer);
  #low: number = 0x811c9dc5;
  #high: number = 0x9747b28c;

  add(value: number): void {
    this.#float[0] = value;
    for (const word of this.#words) {
      this.#low = Math.imul(this.#low ^ word, 0x01000193);
      this.#high = Math.imul(this.#high ^ word ^ (this.#low >>> 15), 0x85ebca6b);
    }
  }

  addText(text: string): void {
    for (let at = 0; at < text.length; at++) this.add(text.charCodeAt(at));
  }

  /** Sixteen hexadecimal digits. */
  toString(): string {
    return [this.#high, this.#low].map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
  }
}
