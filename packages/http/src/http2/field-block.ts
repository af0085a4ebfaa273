import { readContentLength } from "../grammar/content-length.ts";
import { MalformedMessage } from "./error-codes.ts";
import { fieldKind, type FieldName } from "./field-name.ts";
import type { FieldSink } from "./hpack/decoder.ts";
import { entryOverhead } from "./hpack/static-table.ts";

const { regular, pseudo, te, contentLength, invalid, connection } = fieldKind;

/** Gathers and checks the fields of a message or its trailers (RFC 9113, 8.2 and 8.3). */
export abstract class FieldBlock implements FieldSink {
  /** Alternating names and values, without pseudo-header fields. */
  fields: string[] = [];
  contentLength: number | undefined;
  fault: MalformedMessage | undefined;
  #written: string | undefined;
  /** Counted as in RFC 9113, 6.5.2: names, values, and 32 bytes each. */
  #size = 0;
  readonly #maxSize: number;

  constructor(maxSize: number) {
    this.#maxSize = maxSize;
  }

  field(name: FieldName, value: string, isValid: boolean): void {
    this.#size += name.text.length + value.length + entryOverhead;
    if (this.#size > this.#maxSize) return this.tooLong();
    if (!isValid) return this.broken("field-value", `invalid value of field "${name.text}"`);
    if (name.kind !== regular && !this.#isSpecial(name, value)) return;
    this.fields.push(name.text, value);
  }

  /** Begins another block. */
  protected reset(): void {
    this.contentLength = undefined;
    this.fault = undefined;
    this.#written = undefined;
    this.#size = 0;
  }

  /** Size of the fields so far. */
  protected get size(): number {
    return this.#size;
  }

  protected abstract pseudo(name: string, value: string): void;

  /** A field with a meaning in requests. Returns whether it is passed on. */
  protected abstract ofRequest(name: FieldName, value: string): boolean;

  /** The field exceeds the limit. */
  protected abstract tooLong(): void;

  protected broken(reason: MalformedMessage["reason"], message: string): void {
    this.fault ??= new MalformedMessage(reason, message);
  }

  /** A field with a meaning for HTTP/2. Returns whether it is passed on. */
  #isSpecial(name: FieldName, value: string): boolean {
    const { kind, text } = name;
    switch (kind) {
      case pseudo:
        this.pseudo(text, value);
        return false;
      case contentLength: {
        const length = readContentLength(value);
        const isRepeated = this.#written !== undefined;
        if (length === undefined || (isRepeated && this.#written !== value))
          this.broken("content-length", "invalid Content-Length");
        this.contentLength = length;
        this.#written = value;
        return !isRepeated;
      }
      case te:
        if (value === "trailers") return true;
        this.broken("connection-field", "TE other than trailers");
        return false;
      case invalid:
        this.broken("field-name", `invalid field name ${JSON.stringify(text)}`);
        return false;
      case connection:
        this.broken("connection-field", `field of HTTP/1.1 connections: "${text}"`);
        return false;
      default:
        return this.ofRequest(name, value);
    }
  }
}
