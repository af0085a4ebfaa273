import { HttpHeaders } from "@pagoda/http";
import { fieldValue, token } from "./field-syntax.ts";
import { Malformed } from "./malformed.ts";

/** How a message's body is delimited: so many bytes, in chunks, or by the connection's end. */
export type Framing = number | "chunked" | "close";

export interface ResponseHead {
  readonly status: number;
  /** As it stands, every byte as the character of its number. */
  readonly statusText: string;
  readonly headers: HttpHeaders;
  /** Of the body that these fields announce; whether there is one is for the request and the status to say. */
  readonly framing: Framing;
  /** The connection may be used again. */
  readonly keepAlive: boolean;
  /** Seconds that the origin keeps an unused connection, where it said so. */
  readonly keepAliveSeconds: number | undefined;
  readonly version: "1.0" | "1.1";
}

const statusLine = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: ([^\r\n]*))?$/;

/**
 * Reads the head of a response, strictly: what this reads one way and another reader might read another way is
 * refused (RFC 9112, sections 5, 6 and 11.2).
 *
 * @param text The head as latin1, without the empty line at its end.
 * @throws Malformed
 */
export function parseHead(text: string): ResponseHead {
  let end = text.indexOf("\r\n");
  const start = end < 0 ? text : text.slice(0, end);
  const first = statusLine.exec(start);
  if (first === null && start.includes("\n")) throw bareLineFeed();
  if (first === null)
    throw new Malformed("not-http", "the response does not begin with an HTTP/1 status line");
  const fields: string[] = [];
  let length: string | undefined;
  let chunked = false;
  let connection = "";
  let keepAliveSeconds: number | undefined;

  while (end >= 0) {
    const start = end + 2;
    end = text.indexOf("\r\n", start);
    const name = pushField(fields, end < 0 ? text.slice(start) : text.slice(start, end));
    // Names of other lengths do not matter here, and most are of other lengths.
    if (name.length !== 14 && name.length !== 17 && name.length !== 10) continue;
    const value = fields[fields.length - 1] as string;
    switch (name.toLowerCase()) {
      case "content-length":
        if (!/^\d{1,15}$/.test(value) || (length !== undefined && length !== value))
          throw new Malformed("content-length", `the response's Content-Length is "${value}"`);
        // Said twice it would be passed on twice, which others refuse (RFC 9110, 8.6).
        if (length !== undefined) fields.length -= 2;
        length = value;
        break;
      case "transfer-encoding":
        if (chunked || value.toLowerCase() !== "chunked")
          throw new Malformed("transfer-encoding", `the response's Transfer-Encoding is "${value}"`);
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
    throw new Malformed("transfer-encoding", "the response has a Transfer-Encoding where none may be");
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

/** Adds a field's name and value, and gives the name. */
export function pushField(fields: string[], line: string): string {
  const colon = line.indexOf(":");
  const name = line.slice(0, colon);
  // Folded lines begin with white space, which no name has; and none stands before the colon.
  if (colon < 1 || !token.test(name)) throw badName(line);
  const value = withoutSpace(line, colon + 1);
  if (!fieldValue.test(value)) throw badValue(name, value);
  fields.push(name, value);
  return name;
}

function badName(line: string): Malformed {
  return line.includes("\n")
    ? bareLineFeed()
    : new Malformed("field-name", "the response has an invalid field name");
}

function badValue(name: string, value: string): Malformed {
  return value.includes("\n")
    ? bareLineFeed()
    : new Malformed("field-value", `the response's field ${name} has an invalid character`);
}

/** RFC 9112, 2.2 lets a reader take it for a line end; others do not, and so they would read another response. */
export function bareLineFeed(): Malformed {
  return new Malformed("bare-line-feed", "a line of the response ends without a carriage return");
}

/**
 * The rest of a line without the white space around it, which is space and tab only: what `trim` takes away beside
 * them, a bare line feed among it, other readers see (RFC 9110, 5.6.3).
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
  // What nearly all responses say, if anything.
  if (connection === "" || connection === ",keep-alive") return connection === `,${option}`;
  return connection.split(",").some((each) => each.trim() === option);
}

function secondsIn(keepAlive: string): number | undefined {
  const found = /(?:^|[,;\s])timeout=(\d{1,6})/i.exec(keepAlive);
  return found === null ? undefined : Number(found[1]);
}
