import { isAuthority } from "../../grammar/authority.ts";
import { persists } from "../../grammar/connection-options.ts";
import { readFieldSection } from "../../grammar/field-section.ts";
import { Framing, type FramingFault } from "../../grammar/framing.ts";
import { isNamed } from "../../grammar/ignore-case.ts";
import { lists, membersOf } from "../../grammar/list.ts";
import { parseTarget, type Target } from "../../grammar/request-target.ts";
import { HttpHeaders } from "../../headers.ts";
import { expectationOf } from "../expectation.ts";
import { headerBytes, maxFields, type Refusal, tooLong } from "../refusal.ts";
import { MalformedRequest } from "./malformed-request.ts";
import { readRequestLine } from "./request-line.ts";

/** The head of a request: one pass over its fields collects everything that the server needs. */
export interface RequestHead extends Target {
  readonly method: string;
  /** 0 for HTTP/1.0, otherwise 1: a later minor version is read as 1.1 (RFC 9110, 2.5). */
  readonly minor: 0 | 1;
  readonly headers: HttpHeaders;
  /** Length of the body in bytes; `undefined` if it is chunked. */
  readonly length: number | undefined;
  /** Whether the client keeps the connection for further requests (RFC 9112, 9.3). */
  readonly persists: boolean;
  /** The client waits for `100 Continue` before it sends the body. */
  readonly awaitsContinue: boolean;
  /** Values of `Upgrade`, joined by commas, if `Connection` names it (RFC 9110, 7.8). */
  readonly upgrade: string | undefined;
  /** Values of `TE`, joined by commas. */
  readonly te: string | undefined;
}

/** The head of a request that could not be read, for the refusal that answers it. */
export const unread: RequestHead = {
  method: "GET",
  minor: 1,
  authority: "",
  path: "",
  query: "",
  headers: HttpHeaders.empty,
  length: undefined,
  persists: false,
  awaitsContinue: false,
  upgrade: undefined,
  te: undefined,
};

/**
 * Parses the head of a request (RFC 9112, 3 and 5). Requests that other parsers could read
 * differently are refused.
 *
 * @param text The head as latin1, without the empty line that ends it.
 * @param bytes What the text was decoded from, if at hand, and from where on.
 * @returns A refusal if the request can be delimited and answered, but not served.
 * @throws MalformedRequest if the text is not a request.
 */
export function parseHead(text: string, bytes?: Uint8Array, from?: number): RequestHead | Refusal {
  const lineEnd = text.indexOf("\r\n");
  const line = readRequestLine(text.slice(0, lineEnd));
  const fields: string[] = [];
  const fault = readFieldSection(fields, text, lineEnd + 2, text.length, bytes, from);
  if (fault !== undefined) throw new MalformedRequest();
  // Only now: a head that arrives in parts is refused for a malformed field at once.
  if ("status" in line) return line;
  const { method, target, minor } = line;
  const framing = new Framing(minor);
  let refusal: Refusal | undefined;
  let host: string | undefined;
  let connection = "";
  let expect: string | undefined;
  let upgrade: string | undefined;
  let te: string | undefined;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    const value = fields[i + 1] as string;
    // Most fields are skipped by the length of their names.
    switch (name.length) {
      case 2:
        if (isNamed(name, "te")) te = joined(te, value);
        break;
      case 4:
        if (!isNamed(name, "host")) break;
        if (host !== undefined) refusal ??= refused(400, "more than one Host field");
        else if (value !== "" && !isAuthority(value)) refusal ??= refused(400, "malformed Host field");
        host = value;
        break;
      case 6:
        if (isNamed(name, "expect")) expect = joined(expect, value);
        break;
      case 7:
        if (isNamed(name, "upgrade")) upgrade = joined(upgrade, value);
        break;
      case 10:
        if (isNamed(name, "connection")) connection = joined(connection, value);
        break;
      case 14:
        if (isNamed(name, "content-length")) refusal ??= takeLength(framing, value);
        break;
      case 17:
        if (isNamed(name, "transfer-encoding")) refusal ??= takeCoding(framing, value);
    }
  }
  if (fields.length > 2 * maxFields) return refused(431, `more than ${maxFields} header fields`);
  if (text.length - lineEnd + method.length + target.length > headerBytes)
    return tooLong(method.length + target.length > headerBytes / 2);
  if (refusal !== undefined) return refusal;
  if (host === undefined && minor > 0) return refused(400, "missing Host field");
  // HTTP/1.0 does not define the field.
  const expectation = expect === undefined || minor === 0 ? "nothing" : expectationOf(expect);
  if (expectation === undefined) return refused(417, "expectation must be 100-continue");
  const parsed = parseTarget(method, target, host ?? "");
  if (parsed === undefined) return refused(400, "malformed request target");
  const headers = new HttpHeaders(fields);
  return {
    method,
    minor,
    authority: parsed.authority,
    path: parsed.path,
    query: parsed.query,
    // RFC 9112, 3.2.2: an absolute target overrides the Host field, so later readers must not find
    // another host.
    headers: parsed.authority === (host ?? "") ? headers : headers.set("Host", parsed.authority),
    length: framing.isChunked ? undefined : (framing.length ?? 0),
    persists: connection === "" ? minor > 0 : persists(minor, connection),
    awaitsContinue: expectation === "continue",
    upgrade: upgrade !== undefined && lists(connection, "upgrade") ? upgrade : undefined,
    te,
  };
}

function joined(before: string | undefined, value: string): string {
  return before === undefined || before === "" ? value : `${before},${value}`;
}

function takeLength(framing: Framing, value: string): Refusal | undefined {
  // Repeating even the same length is for intermediaries to reject or to repair (RFC 9110, 8.6).
  if (framing.length !== undefined) return refused(400, "more than one Content-Length field");
  const fault = framing.takeLength(value);
  return fault && misframed[fault];
}

function takeCoding(framing: Framing, value: string): Refusal | undefined {
  const fault = framing.takeCoding(value);
  if (fault !== "coding-unknown") return fault && misframed[fault];
  // Unless `chunked` is the last coding, nobody can tell where the body ends (RFC 9112, 6.3).
  const codings = membersOf(value.toLowerCase());
  const first = codings.indexOf("chunked");
  return codings.length === 0 || (first >= 0 && first < codings.length - 1)
    ? refused(400, "malformed Transfer-Encoding")
    : misframed[fault];
}

const misframed: Readonly<Record<FramingFault, Refusal>> = {
  "length-malformed": refused(400, "malformed Content-Length"),
  "lengths-differ": refused(400, "conflicting Content-Length fields"),
  "coding-in-http-1.0": refused(400, "Transfer-Encoding in HTTP/1.0"),
  "coding-repeated": refused(400, "more than one Transfer-Encoding field"),
  "coding-unknown": refused(501, "Transfer-Encoding must be chunked"),
  "coding-beside-length": refused(400, "both Content-Length and Transfer-Encoding"),
};

function refused(status: Refusal["status"], reason: string): Refusal {
  return { status, reason };
}
