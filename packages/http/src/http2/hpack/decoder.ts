import { ConnectionError, errorCode } from "../error-codes.ts";
import type { FieldName } from "../field-name.ts";
import { type Literal, LiteralReader } from "./literals.ts";
import { defaultTableSize, entryOverhead, staticTable, TableEntry } from "./static-table.ts";

/** Receives the fields of a block. */
export interface FieldSink {
  /** @param isValid Whether the value is a valid field value (RFC 9113, 8.2.1). */
  field(name: FieldName, value: string, isValid: boolean): void;
}

const nothing = Buffer.alloc(0);
/** Evicted entries of the table's array before it is shortened. */
const maxStale = 256;

/**
 * Decodes header blocks (RFC 7541) of one connection, whose dynamic table it keeps. All blocks must
 * pass through it in order, including those of streams that are over.
 *
 * Valid names and values are recognized once, when they arrive as literals, not at each use.
 */
export class Decoder {
  /** Entries of the dynamic table, oldest first; those before `#first` are evicted. */
  readonly #table: TableEntry[] = [];
  #first = 0;
  #size = 0;
  #maxSize = defaultTableSize;
  readonly #literals = new LiteralReader();
  readonly #limit: number;
  #bytes: Buffer = nothing;
  #at = 0;
  #end = 0;

  /** @param limit Maximum size of the dynamic table that this side has announced. */
  constructor(limit: number = defaultTableSize) {
    this.#limit = limit;
    this.#maxSize = limit;
  }

  /** Frees what only speeds up the next block. */
  trim(): void {
    this.#literals.clear();
  }

  /** Size of the dynamic table (RFC 7541, 4.1). */
  get tableSize(): number {
    return this.#size;
  }

  /**
   * Decodes a whole block.
   *
   * @throws ConnectionError `COMPRESSION_ERROR` if the block is malformed (RFC 9113, 4.3).
   */
  decode(bytes: Buffer, from: number, to: number, sink: FieldSink): void {
    this.#bytes = bytes;
    this.#at = from;
    this.#end = to;
    let isFirst = true;
    while (this.#at < to) {
      const byte = bytes[this.#at++] as number;
      if (byte >= 0x80) {
        const entry = this.#entry(this.#integer(byte, 0x7f));
        sink.field(entry.name, entry.value, entry.isValid);
      } else if (byte >= 0x40) this.#indexed(byte, sink);
      else if (byte < 0x20) this.#unindexed(byte, sink);
      else if (isFirst) {
        // Size updates may only begin a block (RFC 7541, 4.2).
        this.#resize(this.#integer(byte, 0x1f));
        continue;
      } else throw broken("a size update after a field");
      isFirst = false;
    }
    this.#bytes = nothing;
  }

  /** A literal that enters the dynamic table (RFC 7541, 6.2.1). */
  #indexed(byte: number, sink: FieldSink): void {
    const name = this.#name(byte, 0x3f, false);
    const value = this.#literal(false);
    sink.field(name, value.text, value.isValue);
    const size = name.text.length + value.text.length + entryOverhead;
    this.#evict(this.#maxSize - size);
    // An entry larger than the table empties it (RFC 7541, 4.4).
    if (size > this.#maxSize) return;
    this.#table.push(new TableEntry(name, value.text, value.isValue));
    this.#size += size;
  }

  /** A literal without indexing, or never indexed (RFC 7541, 6.2.2 and 6.2.3). */
  #unindexed(byte: number, sink: FieldSink): void {
    const isSecret = byte >= 0x10;
    const name = this.#name(byte, 0x0f, isSecret);
    const value = this.#literal(isSecret);
    sink.field(name, value.text, value.isValue);
  }

  #name(byte: number, mask: number, isSecret: boolean): FieldName {
    const index = this.#integer(byte, mask);
    return index === 0 ? this.#literal(isSecret).name : this.#entry(index).name;
  }

  #entry(index: number): TableEntry {
    if (index <= staticTable.length) {
      if (index === 0) throw broken("index 0");
      return staticTable[index - 1] as TableEntry;
    }
    const at = this.#table.length - (index - staticTable.length);
    if (at < this.#first) throw broken(`index ${index} beyond the tables`);
    return this.#table[at] as TableEntry;
  }

  #resize(size: number): void {
    if (size > this.#limit) throw broken(`table size ${size} above the limit of ${this.#limit}`);
    this.#maxSize = size;
    this.#evict(size);
  }

  /** Evicts entries until the table has this size (RFC 7541, 4.3 and 4.4). */
  #evict(size: number): void {
    while (this.#size > size && this.#first < this.#table.length) {
      const { name, value } = this.#table[this.#first++] as TableEntry;
      this.#size -= name.text.length + value.length + entryOverhead;
    }
    if (this.#first < maxStale) return;
    this.#table.splice(0, this.#first);
    this.#first = 0;
  }

  /** Reads an integer whose first byte has been read (RFC 7541, 5.1). */
  #integer(byte: number, mask: number): number {
    let value = byte & mask;
    if (value < mask) return value;
    for (let shift = 0; shift <= 21; shift += 7) {
      if (this.#at >= this.#end) throw broken("an incomplete integer");
      const next = this.#bytes[this.#at++] as number;
      value += (next & 0x7f) << shift;
      if (next < 0x80) return value;
    }
    throw broken("an integer above 2²⁸");
  }

  #literal(isSecret: boolean): Literal {
    if (this.#at >= this.#end) throw broken("an incomplete field");
    const byte = this.#bytes[this.#at++] as number;
    const length = this.#integer(byte, 0x7f);
    const from = this.#at;
    if (length > this.#end - from) throw broken("an incomplete string");
    this.#at += length;
    const literal = this.#literals.read(this.#bytes, from, this.#at, byte >= 0x80, isSecret);
    if (literal === undefined) throw broken("a malformed Huffman code");
    return literal;
  }
}

function broken(what: string): ConnectionError {
  return new ConnectionError(errorCode.compressionError, `malformed header block: ${what}`);
}
