import { HttpHeaders } from "@pagoda/http";
import { fieldValue, token } from "./field-syntax.ts";
import { Malformed } from "./malformed.ts";

/** Framing of a body: its length, chunked, or until the connection closes. */
export type Framing = number | "chunked" | "close";

export interface ResponseHead {
  readonly status: number;
  /** Unchanged; each character is a byte. */
  readonly statusText: string;
  readonly headers: HttpHeaders;
  /** Framing according to the fields. Whether there is a body depends on request and status. */
  readonly framing: Framing;
  /** Whether the connection may be reused. */
  readonly keepAlive: boolean;
  /** Seconds for which the origin keeps an idle connection, if it said so. */
  readonly keepAliveSeconds: number | undefined;
  readonly version: "1.0" | "1.1";
}

const statusLine = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: ([^\r\n]*))?$/;

/**
 * Parses a response head strictly. Heads that other parsers might read differently are rejected (RFC 9112, sections 5, 6
 * and 11.2).
 *
 * @param text The head as latin1, without the final empty line.
 * @throws Malformed
 */
export function parseHead(text: string): ResponseHead {
  let end = text.indexOf("\r\n");
  const start = end < 0 ? text : text.slice(0, end);
  const first = statusLine.exec(start);
  if (first === null && start.includes("\n")) throw bareLineFeed();
  if (first === null) throw new Malformed("not-http", "response does not start with an HTTP/1 status line");
  const fields: string[] = [];
  let length: string | undefined;
  let chunked = false;
  let connection = "";
  let keepAliveSeconds: number | undefined;

  while (end >= 0) {
    const start = end + 2;
    end = text.indexOf("\r\n", start);
    const name = pushField(fields, end < 0 ? text.slice(start) : text.slice(start, end));
    // Most fields are skipped by the length of their names.
    if (name.length !== 14 && name.length !== 17 && name.length !== 10) continue;
    const value = fields[fields.length - 1] as string;
    switch (name.toLowerCase()) {
      case "content-length":
        if (!/^\d{1,15}$/.test(value) || (length !== undefined && length !== value))
          throw new Malformed("content-length", `invalid Content-Length "${value}" in the response`);
        // A duplicate would be passed on, which others reject (RFC 9110, section 8.6).
        if (length !== undefined) fields.length -= 2;
        length = value;
        break;
      case "transfer-encoding":
        if (chunked || value.toLowerCase() !== "chunked")
          throw new Malformed(
            "transfer-encoding",
            `unsupported Transfer-Encoding "${value}" in the response`,
          );
        chunked = true;
        break;
      case "connection":
        connection += `,${value.toLowerCase()}`;
        break;
      case "keep-alive":
        keepAliveSeconds = secondsIn(value);
    }
  }
  const old = first[1] === "0";
  if (chunked && (length !== undefined || old))
    throw new Malformed(
      "transfer-encoding",
      "Transfer-Encoding in an HTTP/1.0 response or with a Content-Length",
    );
  return {
    status: Number(first[2]),
    statusText: first[3] ?? "",
    headers: fields.length === 0 ? HttpHeaders.empty : new HttpHeaders(fields),
    framing: chunked ? "chunked" : length === undefined ? "close" : Number(length),
    keepAlive: (!old || lists(connection, "keep-alive")) && !lists(connection, "close"),
    keepAliveSeconds,
    version: old ? "1.0" : "1.1",
  };
}

/** Adds a field's name and value, and returns the name. */
export function pushField(fields: string[], line: string): string {
  const colon = line.indexOf(":");
  const name = line.slice(0, colon);
  // Also rejects folded lines and whitespace before the colon, since names contain no whitespace.
  if (colon < 1 || !token.test(name)) throw badName(line);
  const value = withoutSpace(line, colon + 1);
  if (!fieldValue.test(value)) throw badValue(name, value);
  fields.push(name, value);
  return name;
}

function badName(line: string): Malformed {
  return line.includes("\n")
    ? bareLineFeed()
    : new Malformed("field-name", "invalid field name in the response");
}

function badValue(name: string, value: string): Malformed {
  return value.includes("\n")
    ? bareLineFeed()
    : new Malformed("field-value", `invalid character in response field ${name}`);
}

/** RFC 9112, section 2.2 allows parsers to accept it as a line end. As not all do, they would read different responses. */
export function bareLineFeed(): Malformed {
  return new Malformed("bare-line-feed", "line in the response ends without a carriage return");
}

/**
 * Trims spaces and tabs only (RFC 9110, section 5.6.3). `trim` would also remove characters that other parsers see, such as
 * a bare line feed.
 */
function withoutSpace(line: string, from: number): string {
  let end = line.length;
  while (from < end && isSpace(line.charCodeAt(from))) from++;
  while (from < end && isSpace(line.charCodeAt(end - 1))) end--;
  return line.slice(from, end);
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

function lists(connection: string, option: string): boolean {
  // Fast path for almost all responses.
  if (connection === "" || connection === ",keep-alive") return connection === `,${option}`;
  return connection.split(",").some((each) => each.trim() === option);
}

function secondsIn(keepAlive: string): number | undefined {
  const found = /(?:^|[,;\s])timeout=(\d{1,6})/i.exec(keepAlive);
  return found === null ? undefined : Number(found[1]);
}
