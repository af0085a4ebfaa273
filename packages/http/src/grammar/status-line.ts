/** The first line of a response. */
export interface StatusLine {
  /** Minor version: 1 for HTTP/1.1. */
  readonly minor: number;
  readonly status: number;
  /** Reason phrase as on the wire; each character stands for a byte. May be empty. */
  readonly phrase: string;
}

const zero = 0x30;

/** Parses the first line of a response; `undefined` if it is malformed (RFC 9112, 4). */
export function readStatusLine(line: string): StatusLine | undefined {
  const minor = line.charCodeAt(7) - zero;
  if (!line.startsWith("HTTP/1.") || (minor !== 0 && minor !== 1) || line.charCodeAt(8) !== 0x20)
    return undefined;
  let status = 0;
  for (let i = 9; i < 12; i++) {
    const digit = line.charCodeAt(i) - zero;
    if (!(digit >= 0 && digit <= 9)) return undefined;
    status = 10 * status + digit;
  }
  if (status < 100) return undefined;
  if (line.length === 12) return { minor, status, phrase: "" };
  if (line.charCodeAt(12) !== 0x20) return undefined;
  for (let i = 13; i < line.length; i++) {
    const code = line.charCodeAt(i);
    if (code === 0x0d || code === 0x0a) return undefined;
  }
  return { minor, status, phrase: line.slice(13) };
}
