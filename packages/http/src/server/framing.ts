import type { IncomingMessage } from "node:http";
import { headerBytes, type Refusal, tooLong } from "./refusal.ts";

/** Fields of a request beyond this are refused with 431. */
export const maxFields = 100;

/** What a field counts for beside its name and its value: a colon, a space and the end of the line. */
export const fieldBytes = 4;

/** What the fields of a request say of its framing. */
export interface Framing {
  /** The `Host` field; empty where an HTTP/1.0 request has none. */
  readonly host: string;
  /** Bytes of the body; `undefined` for a chunked one. */
  readonly length: number | undefined;
}

/**
 * Reads the framing of a request, and refuses what Node's parser lets through but two readers of a message could
 * understand differently (RFC 9112, 3.2 and 6). The parser itself refuses conflicting lengths, a space before the
 * colon, bare line feeds and folded lines.
 *
 * One pass over the raw fields: `message.headers` would build an object of them all.
 */
export function readFraming(message: IncomingMessage): Framing | Refusal {
  const { rawHeaders, httpVersionMajor, httpVersionMinor } = message;
  // HTTP/0.9 and 2.0 pass the parser, which frames them like 1.0.
  if (httpVersionMajor !== 1) return refused(505, "a version other than HTTP/1.1 and HTTP/1.0");
  if (rawHeaders.length > 2 * maxFields) return refused(431, `more than ${maxFields} header fields`);
  const { length: targetBytes } = message.url as string;
  let bytes = targetBytes;
  let host: string | undefined;
  let length: number | undefined = 0;
  let chunked = false;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    const value = rawHeaders[i + 1] as string;
    bytes += name.length + value.length + fieldBytes;
    if (name.length === 4 && name.toLowerCase() === "host") {
      if (host !== undefined) return refused(400, "more than one Host field");
      if (!validHost(value)) return refused(400, "the Host field is malformed");
      host = value;
    } else if (name.length === 14 && name.toLowerCase() === "content-length") {
      length = Number(value);
    } else if (name.length === 17 && name.toLowerCase() === "transfer-encoding") {
      if (httpVersionMinor === 0) return refused(400, "Transfer-Encoding in HTTP/1.0");
      // Twice chunked would be two codings, one inside the other.
      if (chunked) return refused(400, "more than one Transfer-Encoding field");
      if (value.toLowerCase() !== "chunked") return refused(501, "a Transfer-Encoding other than chunked");
      chunked = true;
    }
  }
  if (bytes > headerBytes) return tooLong(targetBytes > headerBytes / 2);
  if (host === undefined && httpVersionMinor > 0) return refused(400, "no Host field");
  return { host: host ?? "", length: chunked ? undefined : length };
}

function refused(status: Refusal["status"], reason: string): Refusal {
  return { status, reason };
}

/**
 * What a request expects (RFC 9110, 10.1.1): `100-continue`, or nothing. `undefined`: something else. nginx and Envoy ignore
 * that; here it is refused with 417, since nobody on the way would do what was asked for.
 */
export function expectationOf(value: string): "continue" | "nothing" | undefined {
  const members = value.split(",").map((member) => member.trim().toLowerCase());
  if (!members.every((member) => member === "" || member === "100-continue")) return undefined;
  return members.includes("100-continue") ? "continue" : "nothing";
}

/** `uri-host [ ":" port ]` of RFC 9110, 7.2, with a host; every alternative is told by its first character. */
export const validAuthority = /^(?:\[[0-9A-Fa-f:.]+\]|[\w\-.~%!$&'()*+,;=]+)(?::\d*)?$/;

function validHost(value: string): boolean {
  return value === "" || validAuthority.test(value);
}

/** The target of a CONNECT (RFC 9112, 3.2.3): a host with a port. */
function isTunnelTarget(target: string): boolean {
  return validAuthority.test(target) && /:\d{1,5}$/.test(target);
}

/** Authority and the rest of a request target in absolute form (RFC 9112, 3.2.2). */
const absoluteForm = /^https?:\/\/([^/?]+)(.*)$/i;

/** The parts of a request target. */
export interface Target {
  readonly authority: string;
  readonly path: string;
  readonly query: string;
}

/**
 * Reads a request target; `undefined` when it has none of the forms that this request may have. A fragment belongs
 * to none of them: some readers would cut it off, others take it for a part of the path.
 */
export function parseTarget(method: string, target: string, host: string): Target | undefined {
  if (target.includes("#")) return undefined;
  if (method === "CONNECT")
    return isTunnelTarget(target) ? { authority: target, path: "", query: "" } : undefined;
  if (target.charCodeAt(0) === 0x2f) return split(host, target);
  if (target === "*") return method === "OPTIONS" ? split(host, target) : undefined;
  const [, authority, rest] = absoluteForm.exec(target) ?? [];
  if (authority === undefined || rest === undefined || !validAuthority.test(authority)) return undefined;
  // RFC 9112, 3.2.4: a client that asks a proxy about the whole server says so by leaving out the path.
  if (rest === "") return split(authority, method === "OPTIONS" ? "*" : "/");
  return split(authority, rest.startsWith("/") ? rest : `/${rest}`);
}

function split(authority: string, rest: string): Target {
  const question = rest.indexOf("?");
  return question < 0
    ? { authority, path: rest, query: "" }
    : { authority, path: rest.slice(0, question), query: rest.slice(question) };
}
