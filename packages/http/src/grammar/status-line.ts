/** The first line of a response. */
export interface StatusLine {
  /** Minor version: 1 for HTTP/1.1. */
  readonly minor: number;
  readonly status: number;
  /** Reason phrase as on the wire; each character stands for a byte. May be empty. */
  readonly phrase: string;
}

const statusLine = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: ([^\r\n]*))?$/;

/** Parses the first line of a response; `undefined` if it is malformed (RFC 9112, 4). */
export function readStatusLine(line: string): StatusLine | undefined {
  const found = statusLine.exec(line);
  if (found === null) return undefined;
  return { minor: Number(found[1]), status: Number(found[2]), phrase: found[3] ?? "" };
}
