import { isToken } from "../../grammar/token.ts";
import { knownMethods } from "../../message.ts";
import type { Refusal } from "../refusal.ts";
import { MalformedRequest } from "./malformed-request.ts";

/** The first line of a request. */
export interface RequestLine {
  readonly method: string;
  readonly target: string;
  /** 0 for HTTP/1.0, otherwise 1: a later minor version is read as 1.1 (RFC 9110, 2.5). */
  readonly minor: 0 | 1;
}

const hasLowerCase = /[a-z]/;
const version = /^HTTP\/(\d)\.(\d)$/;

/**
 * Parses the first line of a request: three parts with spaces between them (RFC 9112, 3).
 *
 * @returns A refusal for a version that is not served.
 * @throws MalformedRequest if the text is not the first line of a request.
 */
export function readRequestLine(line: string): RequestLine | Refusal {
  const methodEnd = line.indexOf(" ");
  const method = line.slice(0, methodEnd);
  if (methodEnd < 1 || !isMethod(method)) throw new MalformedRequest();
  const start = skipSpaces(line, methodEnd);
  let end = start;
  for (let code = line.charCodeAt(end); code > 0x20 && code < 0x7f;) code = line.charCodeAt(++end);
  if (end === start) throw new MalformedRequest();
  const minor = readVersion(line, end);
  return typeof minor === "number" ? { method, target: line.slice(start, end), minor } : minor;
}

/**
 * Any token, as RFC 9110, 9.1 has it, but without lower-case letters: methods are case-sensitive,
 * and an origin that is not would take `get` for `GET`, past every rule about `GET`. nginx does not
 * accept them either. `PRI` belongs to the connection preface of HTTP/2.
 */
function isMethod(text: string): boolean {
  return knownMethods.has(text) || (isToken(text) && !hasLowerCase.test(text) && text !== "PRI");
}

/** Reads the version behind the target that ends at an index, and that the line must end with. */
function readVersion(line: string, targetEnd: number): 0 | 1 | Refusal {
  if (line.endsWith(" HTTP/1.1") && targetEnd === line.length - 9) return 1;
  // HTTP/0.9 has no version.
  if (targetEnd === line.length) return notServed;
  const text = line.slice(skipSpaces(line, targetEnd));
  const [, major, minor] = version.exec(text) ?? [];
  if (major === undefined || line.charCodeAt(targetEnd) !== 0x20) throw new MalformedRequest();
  if (major !== "1") return notServed;
  return minor === "0" ? 0 : 1;
}

const notServed: Refusal = { status: 505, reason: "HTTP version must be 1.1 or 1.0" };

function skipSpaces(line: string, from: number): number {
  let at = from;
  while (line.charCodeAt(at) === 0x20) at++;
  return at;
}
