import { hasOuterSpace } from "../../grammar/white-space.ts";
import { isFieldValue } from "../../grammar/field-line.ts";
import { FieldName } from "../field-name.ts";
import { decodedBound, decodeHuffman } from "./huffman.ts";

/** A decoded string literal, and what is known about it. */
export class Literal {
  readonly text: string;
  /** Whether it is a valid field value (RFC 9113, 8.2.1). */
  readonly isValue: boolean;
  #name: FieldName | undefined;

  constructor(text: string) {
    this.text = text;
    this.isValue = isFieldValue(text) && !hasOuterSpace(text);
  }

  /** The literal as a field name. */
  get name(): FieldName {
    return (this.#name ??= new FieldName(this.text));
  }
}

/** Number of slots; a power of two. */
const slots = 256;
/** Longest literal that is kept, in bytes as encoded. */
const maxKept = 64;

/**
 * Decodes string literals and keeps short ones: peers repeat names and values without entering them
 * into the dynamic table. A kept literal is found by its bytes, for a fifth of what decoding it
 * costs.
 *
 * The slots are few and overwritten by whatever comes, so a peer cannot make this grow.
 */
export class LiteralReader {
  #literals: (Literal | undefined)[] = [];
  /** Encoded length of each, negative for Huffman. */
  #lengths = new Int8Array(0);
  #bytes = new Uint8Array(0);

  /** Frees the memory until there is something to read again. */
  clear(): void {
    if (this.#literals.length === 0) return;
    this.#literals = [];
    this.#lengths = new Int8Array(0);
    this.#bytes = new Uint8Array(0);
  }

  /**
   * Decodes a literal.
   *
   * @param isSecret The peer asked that nobody keep it (RFC 7541, 7.1.3).
   * @returns Undefined if it is malformed.
   */
  read(bytes: Buffer, from: number, to: number, isHuffman: boolean, isSecret: boolean): Literal | undefined {
    const length = to - from;
    if (length > maxKept || isSecret) return decode(bytes, from, to, isHuffman);
    if (this.#literals.length === 0) this.#allocate();
    let hash = length;
    for (let at = from; at < to; at++) hash = (Math.imul(hash, 31) + (bytes[at] as number)) | 0;
    const slot = (hash ^ (hash >>> 8) ^ (hash >>> 16)) & (slots - 1);
    const signed = isHuffman ? -length : length;
    const kept = this.#literals[slot];
    if (kept !== undefined && this.#lengths[slot] === signed && this.#isAt(slot, bytes, from, length))
      return kept;
    const literal = decode(bytes, from, to, isHuffman);
    if (literal === undefined) return undefined;
    this.#literals[slot] = literal;
    this.#lengths[slot] = signed;
    for (let n = 0; n < length; n++) this.#bytes[slot * maxKept + n] = bytes[from + n] as number;
    return literal;
  }

  #allocate(): void {
    this.#literals = Array.from({ length: slots }, () => undefined);
    this.#lengths = new Int8Array(slots);
    this.#bytes = new Uint8Array(slots * maxKept);
  }

  #isAt(slot: number, bytes: Uint8Array, from: number, length: number): boolean {
    const start = slot * maxKept;
    for (let n = 0; n < length; n++) if (this.#bytes[start + n] !== bytes[from + n]) return false;
    return true;
  }
}

/** Decoded bytes of a Huffman literal, until they become a string. */
let scratch: Buffer = Buffer.allocUnsafeSlow(1_024);

function decode(bytes: Buffer, from: number, to: number, isHuffman: boolean): Literal | undefined {
  if (!isHuffman) return new Literal(bytes.toString("latin1", from, to));
  const bound = decodedBound(to - from);
  if (bound > scratch.length) scratch = Buffer.allocUnsafeSlow(bound);
  const length = decodeHuffman(bytes, from, to, scratch);
  return length < 0 ? undefined : new Literal(scratch.toString("latin1", 0, length));
}
