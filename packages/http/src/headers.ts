/** Names and values in turns, as they stood on the wire: `["Host", "a", "Accept", "text/html"]`. */
export type RawHeaders = readonly string[];

const brand: unique symbol = Symbol.for("@pagoda/http/HttpHeaders@1");

/** Whether a value is {@link HttpHeaders}, those of another copy of this package included. */
export function isHttpHeaders(value: unknown): value is HttpHeaders {
  return typeof value === "object" && value !== null && brand in value;
}

/**
 * The fields of a message, in their order, with their case and repetitions. Immutable: a change gives a new list.
 *
 * It is a flat array behind a few methods, with no index: looking a field up scans the names, which for the
 * dozen fields of a usual message costs less than building an index for it. Names are compared without case.
 * Code that handles every field (a proxy's) reads `raw` in one pass instead.
 */
export class HttpHeaders {
  static readonly empty: HttpHeaders = new HttpHeaders([]);
  readonly raw: RawHeaders;

  /** Takes the array as it is, without a copy; it must not be changed afterwards. */
  constructor(raw: RawHeaders) {
    this.raw = raw;
  }

  /** @internal */
  get [brand](): true {
    return true;
  }

  /** From what people write: an object (an array as value repeats the field) or a list of pairs. */
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

  /** How many fields there are, repetitions counted. */
  get size(): number {
    return this.raw.length / 2;
  }

  /** The value of the first field of that name. */
  get(name: string): string | undefined {
    const { raw } = this;
    for (let i = 0; i < raw.length; i += 2) {
      if (sameName(raw[i] as string, name)) return raw[i + 1];
    }
    return undefined;
  }

  /** The values of every field of that name, in order. */
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

  /** With one field of that name: it takes the place of the first there was, or comes last. */
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

  /** With a further field, last. */
  append(name: string, value: string): HttpHeaders {
    return new HttpHeaders([...this.raw, name, value]);
  }

  /** Without the fields of that name. */
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

/** Whether two field names are the same, which case does not change. */
export function sameName(a: string, b: string): boolean {
  return a.length === b.length && (a === b || a.toLowerCase() === b.toLowerCase());
}
