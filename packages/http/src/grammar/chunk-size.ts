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

/** Bytes of size lines that a body may have beyond what its data explains. */
const maxOverhead = 16_384;

/**
 * Counts the size lines of a chunked body against its data. Long extensions around single bytes
 * would look like progress to every limit in bytes per second. Go's net/http allows the same: 16
 * bytes a chunk, as much as twice the data, and 16 KiB.
 */
export class ChunkOverhead {
  #bytes = 0;

  /** Adds a chunk. Returns whether the body is still within the bound. */
  takes(line: string, size: number): boolean {
    this.#bytes = Math.max(0, this.#bytes + line.length + 2 - 16 - 2 * size);
    return this.#bytes <= maxOverhead;
  }
}
