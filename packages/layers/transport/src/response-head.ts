import { HttpHeaders } from "@pagoda/http";
import {
  type FieldLineFault,
  Framing,
  type FramingFault,
  isNamed,
  persists,
  readFieldLine,
  readFieldSection,
  readStatusLine,
} from "@pagoda/http/grammar";
import { Malformed } from "./malformed.ts";

export interface ResponseHead {
  readonly status: number;
  /** Unchanged; each character is a byte. */
  readonly statusText: string;
  readonly headers: HttpHeaders;
  /**
   * Framing according to the fields: the length of the body, chunked, or until the connection
   * closes. Whether there is a body depends on request and status.
   */
  readonly framing: number | "chunked" | "close";
  /** Whether the connection may be reused. */
  readonly keepAlive: boolean;
  /** Seconds for which the origin keeps an idle connection, if it said so. */
  readonly keepAliveSeconds: number | undefined;
  readonly version: "1.0" | "1.1";
}

/**
 * Parses a response head strictly. Heads that other parsers might read differently are rejected
 * (RFC 9112, sections 5, 6 and 11.2).
 *
 * @param text Begins with the head, as latin1.
 * @param end Where the line end of the head's last line is.
 * @param bytes What the text was decoded from, if at hand, and from where on.
 * @throws Malformed
 */
export function parseHead(text: string, end: number, bytes?: Uint8Array, from?: number): ResponseHead {
  const firstEnd = text.indexOf("\r\n");
  const start = text.slice(0, firstEnd);
  const first = readStatusLine(start);
  if (first === undefined && start.includes("\n")) throw bareLineFeed();
  if (first === undefined)
    throw new Malformed("not-http", "response does not start with an HTTP/1 status line");
  const fields: string[] = [];
  const fault = readFieldSection(fields, text, firstEnd + 2, end + 2, bytes, from);
  if (fault !== undefined) throw badField(fault, lineAt(text, 1 + fields.length / 2));
  const { minor, status, phrase } = first;
  const framing = new Framing(minor);
  let connection = "";
  let keepAliveSeconds: number | undefined;

  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    const value = fields[i + 1] as string;
    // Most fields are skipped by the length of their names.
    switch (name.length) {
      case 10:
        if (isNamed(name, "connection")) connection = connection === "" ? value : `${connection},${value}`;
        else if (isNamed(name, "keep-alive")) keepAliveSeconds = secondsIn(value);
        break;
      case 14:
        if (isNamed(name, "content-length")) {
          const isDuplicate = framing.length !== undefined;
          const fault = framing.takeLength(value);
          if (fault !== undefined) throw badFraming(fault, value);
          // A duplicate would be passed on, which others reject (RFC 9110, section 8.6).
          if (isDuplicate) {
            fields.splice(i, 2);
            i -= 2;
          }
        }
        break;
      case 17:
        if (isNamed(name, "transfer-encoding")) {
          const fault = framing.takeCoding(value);
          if (fault !== undefined) throw badFraming(fault, value);
        }
    }
  }
  return {
    status,
    statusText: phrase,
    headers: fields.length === 0 ? HttpHeaders.empty : new HttpHeaders(fields),
    framing: framing.isChunked ? "chunked" : (framing.length ?? "close"),
    keepAlive: persists(minor, connection),
    keepAliveSeconds,
    version: minor === 0 ? "1.0" : "1.1",
  };
}

function lineAt(text: string, index: number): string {
  return text.split("\r\n", index + 1)[index] as string;
}

/** Adds a field's name and value, and returns the name. */
export function pushField(fields: string[], line: string): string {
  const fault = readFieldLine(fields, line);
  if (fault !== undefined) throw badField(fault, line);
  return fields[fields.length - 2] as string;
}

function badField(fault: FieldLineFault, line: string): Malformed {
  switch (fault) {
    case "bare-line-feed":
      return bareLineFeed();
    case "field-name":
      return new Malformed(fault, "invalid field name in the response");
    case "field-value":
      return new Malformed(fault, `invalid character in response field ${line.slice(0, line.indexOf(":"))}`);
  }
}

function badFraming(fault: FramingFault, value: string): Malformed {
  switch (fault) {
    case "length-malformed":
    case "lengths-differ":
      return new Malformed("content-length", `invalid Content-Length "${value}" in the response`);
    case "coding-repeated":
    case "coding-unknown":
      return new Malformed("transfer-encoding", `unsupported Transfer-Encoding "${value}" in the response`);
    case "coding-in-http-1.0":
    case "coding-beside-length":
      return new Malformed(
        "transfer-encoding",
        "Transfer-Encoding in an HTTP/1.0 response or with a Content-Length",
      );
  }
}

/**
 * RFC 9112, section 2.2 allows parsers to accept it as a line end. As not all do, they would read
 * different responses.
 */
export function bareLineFeed(): Malformed {
  return new Malformed("bare-line-feed", "line in the response ends without a carriage return");
}

function secondsIn(keepAlive: string): number | undefined {
  const found = /(?:^|[,;\s])timeout=(\d{1,6})/i.exec(keepAlive);
  return found === null ? undefined : Number(found[1]);
}
