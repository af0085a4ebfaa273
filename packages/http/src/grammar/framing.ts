import { readContentLength } from "./content-length.ts";

/** Why it is uncertain where a message ends. */
export type FramingFault =
  | "length-malformed"
  | "lengths-differ"
  | "coding-in-http-1.0"
  | "coding-repeated"
  | "coding-unknown"
  | "coding-beside-length";

/**
 * What `Content-Length` and `Transfer-Encoding` say about the end of one message (RFC 9112, 6). Stricter than the RFC where
 * readers disagree: the only coding is `chunked`, once, neither beside a length nor in HTTP/1.0.
 */
export class Framing {
  /** The value of `Content-Length`. */
  length: number | undefined;
  isChunked = false;
  readonly #minor: number;
  #written: string | undefined;

  /** @param minor Of the message's version: 1 for HTTP/1.1. */
  constructor(minor: number) {
    this.#minor = minor;
  }

  /** Takes a `Content-Length` field. One that is repeated exactly is not a fault. */
  takeLength(value: string): FramingFault | undefined {
    const length = readContentLength(value);
    if (length === undefined) return "length-malformed";
    if (this.#written !== undefined && this.#written !== value) return "lengths-differ";
    this.#written = value;
    this.length = length;
    return this.isChunked ? "coding-beside-length" : undefined;
  }

  /** Takes a `Transfer-Encoding` field. */
  takeCoding(value: string): FramingFault | undefined {
    if (this.#minor === 0) return "coding-in-http-1.0";
    // Twice chunked would be two codings, one inside the other.
    if (this.isChunked) return "coding-repeated";
    if (value.toLowerCase() !== "chunked") return "coding-unknown";
    this.isChunked = true;
    return this.length === undefined ? undefined : "coding-beside-length";
  }
}

/** Whether a field says where a message ends. */
export function isFramingField(name: string): boolean {
  if (name.length !== 14 && name.length !== 17) return false;
  const lower = name.toLowerCase();
  return lower === "content-length" || lower === "transfer-encoding";
}
