/** Alternating names and values, as on the wire: `["Host", "a", "Accept", "text/html"]`. */
export type RawHeaders = readonly string[];

const brand: unique symbol = Symbol.for("@pagoda/http/HttpHeaders@1");

/** Whether a value is {@link HttpHeaders}, including those of another copy of this package. */
export function isHttpHeaders(value: unknown): value is HttpHeaders {
  return typeof value === "object" && value !== null && brand in value;
}

/**
 * The header fields of a message, with their order, case and repetitions. Immutable: each change
 * returns a new list.
 *
 * It is a flat array behind a few methods, without an index: a lookup scans the names, which for
 * the dozen fields of a typical message costs less than building an index. Names are
 * case-insensitive. Code that handles every field, as in a proxy, reads `raw` in one pass instead.
 */
export class HttpHeaders {
  static readonly empty: HttpHeaders = new HttpHeaders([]);
  readonly raw: RawHeaders;
  #isGrpc: boolean | undefined;

  /** Uses the array without copying it; it must not be changed afterwards. */
  constructor(raw: RawHeaders) {
    this.raw = raw;
  }

  /** @internal */
  get [brand](): true {
    return true;
  }

  /** @internal Looked up once, since many layers ask. */
  get isGrpc(): boolean {
    return (this.#isGrpc ??= isGrpcType(this.get("content-type")));
  }

  /** Makes headers from an object, in which an array repeats the field, or from a list of pairs. */
  static of(
    fields:
      | Readonly<Record<string, string | readonly string[]>>
      | Iterable<readonly [name: string, value: string]>,
  ): HttpHeaders {
    const raw: string[] = [];
    const entries = Symbol.iterator in fields ? fields : Object.entries(fields);
    for (const [name, value] of entries as Iterable<readonly [string, string | readonly string[]]>) {
      if (typeof value === "string") raw.push(name, value);
      else for (const each of value) raw.push(name, each);
    }
    return raw.length === 0 ? HttpHeaders.empty : new HttpHeaders(raw);
  }

  /** Number of fields, repetitions included. */
  get size(): number {
    return this.raw.length / 2;
  }

  /** Returns the value of the first field of that name. */
  get(name: string): string | undefined {
    const { raw } = this;
    for (let i = 0; i < raw.length; i += 2) {
      if (sameName(raw[i] as string, name)) return raw[i + 1];
    }
    return undefined;
  }

  /** Returns the values of all fields of that name, in order. */
  all(name: string): readonly string[] {
    const { raw } = this;
    const values: string[] = [];
    for (let i = 0; i < raw.length; i += 2) {
      if (sameName(raw[i] as string, name)) values.push(raw[i + 1] as string);
    }
    return values;
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  /**
   * Returns headers with exactly one field of that name, in the place of the first one or at the
   * end.
   */
  set(name: string, value: string): HttpHeaders {
    const raw: string[] = [];
    let placed = false;
    for (let i = 0; i < this.raw.length; i += 2) {
      if (!sameName(this.raw[i] as string, name)) raw.push(this.raw[i] as string, this.raw[i + 1] as string);
      else if (!placed) {
        raw.push(name, value);
        placed = true;
      }
    }
    if (!placed) raw.push(name, value);
    return new HttpHeaders(raw);
  }

  /** Returns headers with another field at the end. */
  append(name: string, value: string): HttpHeaders {
    return new HttpHeaders([...this.raw, name, value]);
  }

  /** Returns headers without the fields of that name. */
  delete(name: string): HttpHeaders {
    if (!this.has(name)) return this;
    const raw: string[] = [];
    for (let i = 0; i < this.raw.length; i += 2) {
      if (!sameName(this.raw[i] as string, name)) raw.push(this.raw[i] as string, this.raw[i + 1] as string);
    }
    return new HttpHeaders(raw);
  }

  *[Symbol.iterator](): Generator<readonly [name: string, value: string]> {
    for (let i = 0; i < this.raw.length; i += 2) yield [this.raw[i] as string, this.raw[i + 1] as string];
  }
}

/** Whether two field names are the same, ignoring the case of ASCII letters. Allocates nothing. */
export function sameName(a: string, b: string): boolean {
  const { length } = a;
  if (length !== b.length) return false;
  for (let i = 0; i < length; i++) {
    const code = a.charCodeAt(i);
    // Upper and lower case of a letter differ in this bit; so do other characters.
    const difference = code ^ b.charCodeAt(i);
    if (difference !== 0 && !(difference === 0x20 && isLetter(code | 0x20))) return false;
  }
  return true;
}

function isLetter(lowered: number): boolean {
  return lowered >= 0x61 && lowered <= 0x7a;
}

const grpcType = "application/grpc";

/** Whether a `content-type` is gRPC's, with or without a suffix or parameters. */
function isGrpcType(type: string | undefined): boolean {
  if (type === undefined || !sameName(type.slice(0, grpcType.length), grpcType)) return false;
  if (type.length === grpcType.length) return true;
  const next = type[grpcType.length];
  return next === "+" || next === ";" || next === " ";
}
