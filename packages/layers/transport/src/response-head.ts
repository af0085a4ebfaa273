import { HttpHeaders } from "@pagoda/http";
import {
  type FieldLineFault,
  Framing,
  type FramingFault,
  persists,
  readFieldLine,
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
 * @param text The head as latin1, without the final empty line.
 * @throws Malformed
 */
export function parseHead(text: string): ResponseHead {
  let end = text.indexOf("\r\n");
  const start = end < 0 ? text : text.slice(0, end);
  const first = readStatusLine(start);
  if (first === undefined && start.includes("\n")) throw bareLineFeed();
  if (first === undefined)
    throw new Malformed("not-http", "response does not start with an HTTP/1 status line");
  const fields: string[] = [];
  const framing = new Framing(first.minor);
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
      case "content-length": {
        const isDuplicate = framing.length !== undefined;
        const fault = framing.takeLength(value);
        if (fault !== undefined) throw badFraming(fault, value);
        // A duplicate would be passed on, which others reject (RFC 9110, section 8.6).
        if (isDuplicate) fields.length -= 2;
        break;
      }
      case "transfer-encoding": {
        const fault = framing.takeCoding(value);
        if (fault !== undefined) throw badFraming(fault, value);
        break;
      }
      case "connection":
        connection = connection === "" ? value : `${connection},${value}`;
        break;
      case "keep-alive":
        keepAliveSeconds = secondsIn(value);
    }
  }
  return {
    status: first.status,
    statusText: first.phrase,
    headers: fields.length === 0 ? HttpHeaders.empty : new HttpHeaders(fields),
    framing: framing.isChunked ? "chunked" : (framing.length ?? "close"),
    keepAlive: persists(first.minor, connection),
    keepAliveSeconds,
    version: first.minor === 0 ? "1.0" : "1.1",
  };
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
