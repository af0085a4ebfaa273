/** Node's, which is faster than what all platforms have. */
const node: typeof Buffer | undefined = typeof Buffer === "undefined" ? undefined : Buffer;
const encoder = new TextEncoder();

/** Encodes a text as UTF-8. */
export const utf8Bytes: (text: string) => Uint8Array =
  node === undefined ? (text) => encoder.encode(text) : (text) => node.from(text);

/** Joins chunks in new memory. */
export const concatBytes: (chunks: readonly Uint8Array[]) => Uint8Array =
  node === undefined ? concat : (chunks) => node.concat(chunks);

/** Allocates memory of its own, with any content: it must be overwritten. */
export const allocateBytes: (size: number) => Uint8Array =
  node === undefined ? (size) => new Uint8Array(size) : (size) => node.allocUnsafeSlow(size);

function concat(chunks: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(chunks.reduce((size, { length }) => size + length, 0));
  let at = 0;
  for (const chunk of chunks) {
    joined.set(chunk, at);
    at += chunk.length;
  }
  return joined;
}
