/** Thirteen digits are what a number counts exactly. Extensions have no meaning, but must be well-formed. */
const chunkLine = /^([\da-f]{1,13})(?:[ \t]*;[\t -~\u0080-\u00ff]*)?$/i;

/** The size in the line that begins a chunk; `undefined` where it is malformed (RFC 9112, 7.1). */
export function readChunkSize(line: string): number | undefined {
  const size = chunkLine.exec(line)?.[1];
  return size === undefined ? undefined : Number.parseInt(size, 16);
}
