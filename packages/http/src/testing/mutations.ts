import type { Random } from "@pagoda/core";

/** Bytes at which parsers of HTTP/1.1 decide something, or should. */
const telling = '\r\n \t:;,=/"\0\x0b\x0c\x1f\x7f\x80\x85\xa0\xff0123456789aAfFgGxX+-_.';

/** Changes messages, given as latin1, the way attackers and broken programs do. */
export class Mutations {
  readonly #random: Random;
  readonly #corpus: readonly string[];
  readonly #dictionary: readonly string[];

  /**
   * @param corpus Messages, parts of which are spliced into others.
   * @param dictionary Tokens, fields and lines to insert.
   */
  constructor(random: Random, corpus: readonly string[], dictionary: readonly string[]) {
    this.#random = random;
    this.#corpus = corpus;
    this.#dictionary = dictionary;
  }

  /** Returns a non-negative integer below `end`. */
  below(end: number): number {
    return Math.floor(this.#random() * end);
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  /** Makes up to four changes, often none. */
  mutated(text: string): string {
    let result = text;
    for (let count = this.pick([0, 1, 1, 2, 3, 4]); count > 0; count--) result = this.#mutatedOnce(result);
    return result;
  }

  #mutatedOnce(text: string): string {
    const at = this.below(text.length + 1);
    const to = Math.min(text.length, at + 1 + this.below(this.pick([1, 4, 40])));
    switch (this.below(12)) {
      case 0:
      case 1:
        return text.slice(0, at) + telling.charAt(this.below(telling.length)) + text.slice(at + 1);
      case 2:
        return text.slice(0, at) + String.fromCharCode(this.below(256)) + text.slice(at + 1);
      case 3:
        return text.slice(0, at) + text.slice(to);
      case 4:
        return text.slice(0, at) + telling.charAt(this.below(telling.length)) + text.slice(at);
      case 5:
        return text.slice(0, at) + this.pick(this.#dictionary) + text.slice(at);
      case 6:
        return text.slice(0, at) + this.pick(this.#dictionary) + text.slice(to);
      case 7:
        return text.slice(0, to) + text.slice(at);
      case 8: {
        const other = this.pick(this.#corpus);
        return text.slice(0, at) + other.slice(this.below(other.length));
      }
      case 9:
        return this.#withLines(text);
      case 10:
        return text + this.pick(this.#corpus);
      default:
        return at < text.length / 2 ? text : text.slice(0, at);
    }
  }

  /** Repeats, removes or swaps a line, or inserts one. */
  #withLines(text: string): string {
    const lines = text.split("\r\n");
    const at = this.below(lines.length);
    const line = lines[at] as string;
    switch (this.below(4)) {
      case 0:
        lines.splice(at, 0, line);
        break;
      case 1:
        lines.splice(at, 1);
        break;
      case 2:
        lines[at] = lines[lines.length - 1 - at] as string;
        lines[lines.length - 1 - at] = line;
        break;
      default:
        lines.splice(at, 0, this.pick(this.#dictionary));
    }
    return lines.join("\r\n");
  }
}
