import { defaultTableSize, entryOverhead, staticTable, type TableEntry } from "./static-table.ts";
import { writeInteger, writeText } from "./write.ts";

/** Bits that begin a representation (RFC 7541, 6). */
const indexedField = 0x80;
const withIndexing = 0x40;
const sizeUpdate = 0x20;
const neverIndexed = 0x10;
const withoutIndexing = 0x00;

/**
 * Fields that no dynamic table keeps, in any hop: the table is shared by the requests of many
 * clients, and what is in it can be guessed from lengths (RFC 7541, 7.1).
 */
const secrets: ReadonlySet<string> = new Set(["authorization", "proxy-authorization", "set-cookie"]);
/** Cookies shorter than this could be guessed as a whole, so they are secret too. */
const guessable = 20;

/** Longest value that is remembered. */
const maxValue = 256;
/** Most names and pairs remembered before all that are not in the table are forgotten. */
const maxRemembered = 512;
/** With this many different values in a row, a field is taken to differ in each request. */
const maxMisses = 100;
/** Bytes of a field besides its name and value, at most: two lengths and an index. */
const fieldBound = 12;

/** A name and what is known about it. */
class KnownName {
  readonly text: string;
  readonly staticIndex: number;
  readonly isSecret: boolean;
  /** Insertion of its latest entry in the dynamic table, counted from 1; 0 for none. */
  insertion = 0;
  /** Values remembered, and how many came since the last one that repeated. */
  readonly pairs = new Map<string, KnownPair>();
  misses = 0;

  constructor(text: string, staticIndex: number) {
    this.text = text;
    this.staticIndex = staticIndex;
    this.isSecret = secrets.has(text);
  }
}

/** A name with a value that has been sent. */
class KnownPair {
  readonly name: KnownName;
  readonly value: string;
  /** Index in the static table; 0 if it is not there. */
  readonly staticIndex: number;
  insertion = 0;

  constructor(name: KnownName, value: string, staticIndex: number) {
    this.name = name;
    this.value = value;
    this.staticIndex = staticIndex;
  }

  get size(): number {
    return this.name.text.length + this.value.length + entryOverhead;
  }
}

/**
 * Encodes header blocks (RFC 7541) of one connection.
 *
 * A field enters the dynamic table when it is sent for the second time: what is different in each
 * request, such as its id, never pushes out what repeats. Strings are sent without Huffman coding,
 * which costs both sides more than the bytes it saves between machines of one network.
 */
export class Encoder {
  readonly #names = new Map<string, KnownName>();
  #remembered = 0;
  /** Entries of the dynamic table, oldest first; those before `#first` are evicted. */
  readonly #table: KnownPair[] = [];
  #first = 0;
  #size = 0;
  #maxSize = defaultTableSize;
  /** Entries ever inserted and evicted. */
  #inserted = 0;
  #evicted = 0;
  /** The smallest size since the last block, if the size has changed. */
  #smallest: number | undefined;

  /** The table size that the peer allows. More than the default is not used. */
  set tableSize(size: number) {
    const next = Math.min(size, defaultTableSize);
    if (next === this.#maxSize && this.#smallest === undefined) return;
    this.#smallest = Math.min(this.#smallest ?? next, next);
    this.#maxSize = next;
    this.#evict(next);
  }

  /** The most bytes that a block of these fields can have. */
  static bound(fields: readonly string[]): number {
    let bound = 2 * fieldBound;
    for (const text of fields) bound += text.length + fieldBound;
    return bound;
  }

  /**
   * Encodes a block.
   *
   * @param fields Alternating names, in lower case, and values. Each character stands for a byte.
   * @param into Has room for {@link Encoder.bound} bytes.
   * @returns Where the block ends.
   */
  encode(fields: readonly string[], into: Buffer, at: number): number {
    if (this.#smallest !== undefined) at = this.#announce(into, at);
    for (let i = 0; i < fields.length; i += 2) {
      const text = fields[i] as string;
      const value = fields[i + 1] as string;
      const name = this.#names.get(text) ?? this.#staticName(text);
      if (name === undefined) at = this.#writeNew(into, at, text, value);
      else at = this.#write(into, at, name, value);
    }
    return at;
  }

  /** A size that went down and up again is announced twice (RFC 7541, 4.2). */
  #announce(into: Buffer, at: number): number {
    const smallest = this.#smallest as number;
    this.#smallest = undefined;
    at = writeInteger(into, at, sizeUpdate, 0x1f, smallest);
    return smallest === this.#maxSize ? at : writeInteger(into, at, sizeUpdate, 0x1f, this.#maxSize);
  }

  #write(into: Buffer, at: number, name: KnownName, value: string): number {
    if (name.misses < maxMisses) {
      const pair = name.pairs.get(value);
      if (pair !== undefined) return this.#writePair(into, at, pair);
    }
    if (name.isSecret || (name.text === "cookie" && value.length < guessable))
      return this.#writeLiteral(into, at, neverIndexed, 0x0f, name, value);
    // A name that is in neither table is worth an entry: its later values refer to it.
    const isNew = name.staticIndex === 0 && this.#indexOf(name.insertion) === 0;
    if (value.length > maxValue || (name.misses >= maxMisses && !isNew))
      return this.#writeLiteral(into, at, withoutIndexing, 0x0f, name, value);
    const known = new KnownPair(name, value, 0);
    name.misses++;
    name.pairs.set(value, known);
    this.#remember();
    return isNew
      ? this.#insert(into, at, known)
      : this.#writeLiteral(into, at, withoutIndexing, 0x0f, name, value);
  }

  #writePair(into: Buffer, at: number, pair: KnownPair): number {
    pair.name.misses = 0;
    if (pair.staticIndex > 0) {
      into[at] = indexedField | pair.staticIndex;
      return at + 1;
    }
    const index = this.#indexOf(pair.insertion);
    return index > 0 ? writeInteger(into, at, indexedField, 0x7f, index) : this.#insert(into, at, pair);
  }

  /** A name of the static table, which a connection keeps only from its first use on. */
  #staticName(text: string): KnownName | undefined {
    const places = staticPlaces.get(text);
    if (places === undefined) return undefined;
    const name = new KnownName(text, 1 + (places[0] as number));
    for (const at of places) {
      const { value } = staticTable[at] as TableEntry;
      if (value !== "") name.pairs.set(value, new KnownPair(name, value, at + 1));
    }
    this.#names.set(text, name);
    return name;
  }

  /** A name that is sent for the first time. */
  #writeNew(into: Buffer, at: number, text: string, value: string): number {
    const name = new KnownName(text, 0);
    if (text.length <= maxValue) {
      this.#names.set(text, name);
      this.#remember();
    }
    return this.#writeLiteral(into, at, name.isSecret ? neverIndexed : withoutIndexing, 0x0f, name, value);
  }

  /** Sends a pair and enters it into the table. */
  #insert(into: Buffer, at: number, pair: KnownPair): number {
    const { name, value, size } = pair;
    if (size > this.#maxSize) return this.#writeLiteral(into, at, withoutIndexing, 0x0f, name, value);
    const end = this.#writeLiteral(into, at, withIndexing, 0x3f, name, value);
    this.#evict(this.#maxSize - size);
    this.#table.push(pair);
    this.#size += size;
    pair.insertion = name.insertion = ++this.#inserted;
    return end;
  }

  #writeLiteral(
    into: Buffer,
    at: number,
    kind: number,
    mask: number,
    name: KnownName,
    value: string,
  ): number {
    const index = name.staticIndex > 0 ? name.staticIndex : this.#indexOf(name.insertion);
    at = writeInteger(into, at, kind, mask, index);
    if (index === 0) at = writeText(into, at, name.text);
    return writeText(into, at, value);
  }

  /** Present index of an entry (RFC 7541, 2.3.3); 0 if it is evicted or was never inserted. */
  #indexOf(insertion: number): number {
    return insertion > this.#evicted ? staticTable.length + 1 + this.#inserted - insertion : 0;
  }

  #evict(size: number): void {
    while (this.#size > size && this.#first < this.#table.length) {
      this.#size -= (this.#table[this.#first++] as KnownPair).size;
      this.#evicted++;
    }
    if (this.#first < maxRemembered) return;
    this.#table.splice(0, this.#first);
    this.#first = 0;
  }

  /** Counts a name or pair, and forgets those that are in no table once there are too many. */
  #remember(): void {
    if (++this.#remembered <= maxRemembered) return;
    this.#remembered = 0;
    for (const [text, name] of this.#names) {
      name.misses = 0;
      for (const [value, { staticIndex, insertion }] of name.pairs) {
        if (staticIndex > 0) continue;
        if (this.#indexOf(insertion) > 0) this.#remembered++;
        else name.pairs.delete(value);
      }
      if (name.staticIndex === 0 && name.pairs.size === 0) this.#names.delete(text);
    }
  }
}

/** Places in the static table by name, first to last. */
const staticPlaces = new Map<string, number[]>();
staticTable.forEach(({ name: { text } }, at) => {
  const places = staticPlaces.get(text);
  if (places === undefined) staticPlaces.set(text, [at]);
  else places.push(at);
});
