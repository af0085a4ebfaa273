import { readContentLength } from "../grammar/content-length.ts";
import { MalformedMessage } from "./error-codes.ts";
import { fieldKind, type FieldName } from "./field-name.ts";
import type { FieldSink } from "./hpack/decoder.ts";
import { entryOverhead } from "./hpack/static-table.ts";

/**
 * Largest list of fields, counted as in RFC 9113, 6.5.2: names, values, and 32 bytes each. This
 * side announces it, and drops longer ones.
 */
export const maxFields = 65_536;

const { regular, pseudo, te, contentLength, invalid } = fieldKind;
const statusCode = /^[1-9]\d\d$/;

/** Gathers and checks the fields of a response, or its trailers (RFC 9113, 8.2 and 8.3). */
export class ResponseFields implements FieldSink {
  /** Alternating names and values, without pseudo-header fields. */
  fields: string[] = [];
  /** 0 for trailers. */
  status = 0;
  contentLength: number | undefined;
  fault: MalformedMessage | undefined;
  #written: string | undefined;
  #size = 0;

  /** Begins another block. */
  begin(): void {
    this.fields = [];
    this.status = 0;
    this.contentLength = undefined;
    this.fault = undefined;
    this.#written = undefined;
    this.#size = 0;
  }

  field(name: FieldName, value: string, isValid: boolean): void {
    this.#size += name.text.length + value.length + entryOverhead;
    if (this.#size > maxFields) return this.#broken("fields-too-long", "too many header fields");
    if (!isValid) return this.#broken("field-value", `invalid value of field "${name.text}"`);
    if (name.kind !== regular && !this.#isSpecial(name, value)) return;
    this.fields.push(name.text, value);
  }

  /** A field with a meaning for HTTP/2. Returns whether it is passed on. */
  #isSpecial({ kind, text }: FieldName, value: string): boolean {
    switch (kind) {
      case pseudo:
        this.#pseudo(text, value);
        return false;
      case contentLength: {
        const length = readContentLength(value);
        const isRepeated = this.#written !== undefined;
        if (length === undefined || (isRepeated && this.#written !== value))
          this.#broken("content-length", "invalid Content-Length");
        this.contentLength = length;
        this.#written = value;
        return !isRepeated;
      }
      case te:
        if (value === "trailers") return true;
        this.#broken("connection-field", "invalid TE in the response");
        return false;
      case invalid:
        this.#broken("field-name", `invalid field name ${JSON.stringify(text)}`);
        return false;
      default:
        this.#broken("connection-field", `field of HTTP/1.1 connections: "${text}"`);
        return false;
    }
  }

  #pseudo(text: string, value: string): void {
    if (text !== ":status" || this.status !== 0 || this.fields.length > 0)
      return this.#broken("pseudo-fields", `misplaced pseudo-header field ${JSON.stringify(text)}`);
    if (!statusCode.test(value)) return this.#broken("status", `invalid status ${JSON.stringify(value)}`);
    this.status = Number(value);
  }

  #broken(reason: MalformedMessage["reason"], message: string): void {
    this.fault ??= new MalformedMessage(reason, message);
  }
}
