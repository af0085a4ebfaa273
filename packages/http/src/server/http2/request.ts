import { type Body, emptyBody } from "../../body.ts";
import { isAuthority } from "../../grammar/authority.ts";
import { parseTarget } from "../../grammar/request-target.ts";
import { hasOuterSpace } from "../../grammar/white-space.ts";
import { isGrpc } from "../../grpc.ts";
import { HttpHeaders, type RawHeaders } from "../../headers.ts";
import type { HttpRequest, Peer } from "../../message.ts";
import { callNotes } from "../../notes.ts";
import { expectationOf } from "../expectation.ts";
import { fieldBytes, headerBytes, maxFields, type Refusal, tooLong } from "../refusal.ts";
import type { Tunnels } from "../tunnels.ts";
import type { ExchangeStream } from "./exchange-stream.ts";
import { IncomingStream } from "./incoming.ts";

/** NGHTTP2_FLAG_END_STREAM: the request ends with its head. */
const endStream = 0x1;

export interface Arrival {
  readonly tunnels: Tunnels;
  readonly exchange: ExchangeStream;
  readonly flags: number;
  /** Alternating names and values, pseudo-header fields included. */
  readonly fields: RawHeaders;
  readonly peer: Peer;
  readonly scheme: "http" | "https";
}

/**
 * Reads a request's head (RFC 9113, 8.3), and refuses what an HTTP/1.1 upstream could interpret
 * differently. nghttp2 itself refuses connection fields of HTTP/1.1, upper-case names, and bodies
 * that contradict their length. It silently drops fields with invalid characters (CR, LF, NUL).
 */
export function readRequest({
  exchange,
  flags,
  fields,
  peer,
  scheme,
  tunnels,
}: Arrival): HttpRequest | Refusal {
  let method = "";
  let announced = "";
  let protocol: string | undefined;
  let target: string | undefined;
  let authority: string | undefined;
  let host: string | undefined;
  let length: number | undefined;
  let awaitsContinue = false;
  let cookie: string | undefined;
  let cookieAt = -1;
  let bytes = 0;
  const raw: string[] = [];

  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    const value = fields[i + 1] as string;
    bytes += name.length + value.length + fieldBytes;
    if (hasOuterSpace(value))
      return { status: 400, reason: `leading or trailing whitespace in field ${name}`, isReset: true };
    switch (name) {
      case ":method":
        method = value;
        continue;
      case ":scheme":
        announced = value;
        continue;
      case ":path":
        target = value;
        continue;
      case ":protocol":
        protocol = value;
        continue;
      case ":authority":
        authority = value;
        continue;
      case "host":
        if (host !== undefined) return refused("more than one Host field");
        host = value;
        continue;
      case "cookie":
        // RFC 9113, 8.2.3: cookies may be split into several fields, unlike in HTTP/1.1.
        if (cookie === undefined) cookieAt = raw.push(name, value) - 1;
        cookie = cookie === undefined ? value : `${cookie}; ${value}`;
        continue;
      case "content-length":
        length = Number(value);
        break;
      case "expect":
        switch (expectationOf(value)) {
          case undefined:
            return { status: 417, reason: "expectation must be 100-continue" };
          case "continue":
            awaitsContinue = true;
        }
    }
    if (name.startsWith(":")) return refused(`unexpected pseudo-header field ${name}`);
    raw.push(name, value);
  }
  if (cookie !== undefined) raw[cookieAt] = cookie;
  // The authority counts, because it becomes the Host field.
  if (raw.length >= 2 * maxFields) return { status: 431, reason: `more than ${maxFields} header fields` };
  if (bytes > headerBytes) return tooLong((target?.length ?? 0) > headerBytes / 2);

  if (protocol !== undefined && method !== "CONNECT")
    return refused("unexpected pseudo-header field :protocol");
  const isTunnel = method === "CONNECT" && protocol === undefined;
  if (!isTunnel && announced !== "http" && announced !== "https")
    return refused("scheme must be http or https");
  if (authority !== undefined && host !== undefined && authority !== host)
    return refused("Host field differs from :authority");
  const named = authority ?? host;
  if (named === undefined || !isAuthority(named)) return refused("malformed authority");
  // Only the origin form: an absolute one would be a second authority.
  const isForm = target !== undefined && (target.startsWith("/") || target === "*");
  const parsed = isTunnel
    ? parseTarget(method, named, named)
    : isForm
      ? parseTarget(protocol === undefined ? method : "GET", target as string, named)
      : undefined;
  if (parsed === undefined) return refused("malformed request target");

  // RFC 9220, 3 specifies 501, which RFC 8441 leaves open.
  if (protocol === undefined ? isTunnel && !tunnels.connects : !tunnels.has(protocol))
    return {
      status: 501,
      reason: `${protocol === undefined ? "CONNECT" : "protocol"} is not enabled`,
    };

  raw.unshift("host", named);
  const headers = new HttpHeaders(raw);
  // Tunnels and gRPC streams may be slow for an unlimited time.
  const isMeasured = !isTunnel && protocol === undefined && !isGrpc(headers);
  return {
    // The extended CONNECT of RFC 8441 corresponds to an HTTP/1.1 upgrade with GET.
    method: protocol === undefined ? method : "GET",
    // Taken from the connection, because the client's own value cannot be verified.
    scheme,
    authority: named,
    path: parsed.path,
    query: parsed.query,
    headers,
    body: bodyOf(exchange, flags, length, awaitsContinue, isMeasured),
    version: "2",
    peer,
    onInformation: exchange.inform,
    notes: callNotes(),
    ...(protocol !== undefined && { upgrade: protocol }),
  };
}

function refused(reason: string): Refusal {
  return { status: 400, reason };
}

function bodyOf(
  exchange: ExchangeStream,
  flags: number,
  length: number | undefined,
  awaitsContinue: boolean,
  isMeasured: boolean,
): Body {
  if ((flags & endStream) === 0) {
    const body = new IncomingStream(exchange, length, awaitsContinue);
    if (isMeasured) exchange.measure(body);
    return body;
  }
  // Must be read to its end to close with the response.
  exchange.stream.resume();
  return emptyBody;
}
