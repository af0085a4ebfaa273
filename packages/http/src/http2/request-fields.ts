import { FieldBlock } from "./field-block.ts";
import { fieldKind, type FieldName } from "./field-name.ts";
import { entryOverhead } from "./hpack/static-table.ts";

/**
 * Largest list of fields. The server announces it, and refuses longer ones: twice what HTTP/1.1 may
 * send, because 32 bytes count for each field.
 */
export const maxRequestFields = 122_880;
/** Fields beyond this number are not kept. */
const maxKept = 1_024;

/**
 * The fields of a request, or its trailers. Fields beyond the limits are not kept, so that the
 * server can answer the request.
 */
export class RequestFields extends FieldBlock {
  method: string | undefined;
  scheme: string | undefined;
  path: string | undefined;
  authority: string | undefined;
  protocol: string | undefined;
  /** The values of `Host` and `Expect`. */
  hosts: string[] | undefined;
  expectation: string | undefined;
  isTooLong = false;
  /** Number of fields, pseudo-header fields included. */
  count = 0;
  #isTrailers = false;
  #hasRegular = false;
  #cookieAt = -1;

  constructor() {
    super(maxRequestFields);
  }

  /**
   * Begins another block.
   *
   * @param isTrailers Otherwise `fields` begins with a `Host` whose value is to be filled in.
   */
  begin(isTrailers: boolean): void {
    this.reset();
    this.fields = isTrailers ? [] : ["host", ""];
    this.method = undefined;
    this.scheme = undefined;
    this.path = undefined;
    this.authority = undefined;
    this.protocol = undefined;
    this.hosts = undefined;
    this.expectation = undefined;
    this.isTooLong = false;
    this.count = 0;
    this.#isTrailers = isTrailers;
    this.#hasRegular = false;
    this.#cookieAt = -1;
  }

  /** Bytes of all names and values. */
  get bytes(): number {
    return this.size - this.count * entryOverhead;
  }

  override field(name: FieldName, value: string, isValid: boolean): void {
    if (++this.count > maxKept) return this.tooLong();
    if (name.kind !== fieldKind.pseudo) this.#hasRegular = true;
    super.field(name, value, isValid);
  }

  protected pseudo(name: string, value: string): void {
    if (this.#isTrailers || this.#hasRegular) return this.#misplaced(name);
    switch (name) {
      case ":method":
        if (this.method !== undefined) return this.#misplaced(name);
        this.method = value;
        break;
      case ":scheme":
        if (this.scheme !== undefined) return this.#misplaced(name);
        this.scheme = value;
        break;
      case ":path":
        if (this.path !== undefined) return this.#misplaced(name);
        this.path = value;
        break;
      case ":authority":
        if (this.authority !== undefined) return this.#misplaced(name);
        this.authority = value;
        break;
      case ":protocol":
        if (this.protocol !== undefined) return this.#misplaced(name);
        this.protocol = value;
        break;
      default:
        this.#misplaced(name);
    }
  }

  protected ofRequest({ kind }: FieldName, value: string): boolean {
    if (this.#isTrailers) return true;
    switch (kind) {
      case fieldKind.host:
        (this.hosts ??= []).push(value);
        return false;
      case fieldKind.cookie:
        // Cookies may be split into several fields, unlike in HTTP/1.1 (RFC 9113, 8.2.3).
        if (this.#cookieAt >= 0) this.fields[this.#cookieAt] += `; ${value}`;
        else this.#cookieAt = this.fields.push("cookie", value) - 1;
        return false;
      default:
        this.expectation = this.expectation === undefined ? value : `${this.expectation}, ${value}`;
        return true;
    }
  }

  protected tooLong(): void {
    this.isTooLong = true;
  }

  #misplaced(name: string): void {
    this.broken("pseudo-fields", `misplaced pseudo-header field ${JSON.stringify(name)}`);
  }
}
