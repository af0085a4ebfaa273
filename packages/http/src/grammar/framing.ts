import { readContentLength } from "./content-length.ts";
import { isNamed } from "./ignore-case.ts";

/** Why the end of a message is ambiguous. */
export type FramingFault =
  | "length-malformed"
  | "lengths-differ"
  | "coding-in-http-1.0"
  | "coding-repeated"
  | "coding-unknown"
  | "coding-beside-length";

/**
 * The framing of one message by `Content-Length` and `Transfer-Encoding` (RFC 9112, 6). Stricter
 * than the RFC where parsers disagree: the only coding is `chunked`, once, and neither together
 * with a length nor in HTTP/1.0.
 */
export class Framing {
  /** The value of `Content-Length`. */
  length: number | undefined;
  isChunked = false;
  readonly #minor: number;
  #written: string | undefined;

  /** @param minor Minor version of the message: 1 for HTTP/1.1. */
  constructor(minor: number) {
    this.#minor = minor;
  }

  /** Adds a `Content-Length` field. Repeating the same value is not a fault. */
  takeLength(value: string): FramingFault | undefined {
    const length = readContentLength(value);
    if (length === undefined) return "length-malformed";
    if (this.#written !== undefined && this.#written !== value) return "lengths-differ";
    this.#written = value;
    this.length = length;
    return this.isChunked ? "coding-beside-length" : undefined;
  }

  /** Adds a `Transfer-Encoding` field. */
  takeCoding(value: string): FramingFault | undefined {
    if (this.#minor === 0) return "coding-in-http-1.0";
    // Two `chunked` codings would be nested.
    if (this.isChunked) return "coding-repeated";
    if (!isNamed(value, "chunked")) return "coding-unknown";
    this.isChunked = true;
    return this.length === undefined ? undefined : "coding-beside-length";
  }
}

/** Whether a field determines where a message ends. */
export function isFramingField(name: string): boolean {
  return isNamed(name, "content-length") || isNamed(name, "transfer-encoding");
}
