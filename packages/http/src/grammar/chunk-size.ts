/**
 * A number represents up to 13 hexadecimal digits exactly. Extensions are ignored but must be
 * well-formed.
 */
const chunkLine = /^([\da-f]{1,13})(?:[ \t]*;[\t -~\u0080-\u00ff]*)?$/i;

/**
 * Parses the size in the first line of a chunk; `undefined` if the line is malformed (RFC 9112,
 * 7.1).
 */
export function readChunkSize(line: string): number | undefined {
  const size = chunkLine.exec(line)?.[1];
  return size === undefined ? undefined : Number.parseInt(size, 16);
}
