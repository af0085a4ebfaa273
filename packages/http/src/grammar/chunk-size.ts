/**
 * A number represents up to 13 hexadecimal digits exactly. Extensions are ignored but must be
 * well-formed: a parser that looks for the end of a quoted value might find it in a later line.
 */
const chunkLine =
  /^([\da-f]{1,13})(?:[ \t]*;[ \t]*[!#$%&'*+\-.^_`|~\da-z]+(?:[ \t]*=[ \t]*(?:[!#$%&'*+\-.^_`|~\da-z]+|"(?:[\t !#-[\]-~\u0080-\u00ff]|\\[\t -~\u0080-\u00ff])*"))?)*$/i;

/**
 * Parses the size in the first line of a chunk; `undefined` if the line is malformed (RFC 9112,
 * 7.1).
 */
export function readChunkSize(line: string): number | undefined {
  const size = chunkLine.exec(line)?.[1];
  return size === undefined ? undefined : Number.parseInt(size, 16);
}
