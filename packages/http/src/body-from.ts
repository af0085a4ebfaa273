import type { Readable } from "node:stream";
import { type Body, bodyOf } from "./body.ts";
import { type ByteSource, IterableBody } from "./iterable-body.ts";
import { StreamBody } from "./stream-body.ts";

/**
 * Makes a body from a source of bytes or strings: an async iterable, a web stream, a Node stream.
 */
export function bodyFrom(source: string | Uint8Array | Readable | ByteSource): Body {
  if (typeof source === "string" || source instanceof Uint8Array) return bodyOf(source);
  if (!isNodeStream(source)) return new IterableBody(source);
  // A stream may fail before it is read; a later reader sees the error in `errored`.
  return new StreamBody(source.on("error", () => {}));
}

/** Told by its methods, because `node:stream` is missing on some platforms. */
function isNodeStream(source: Readable | ByteSource): source is Readable {
  return "pipe" in source && "destroy" in source;
}
