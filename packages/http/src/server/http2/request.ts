import { isAuthority } from "../../grammar/authority.ts";
import { isRequestTarget, parseTarget } from "../../grammar/request-target.ts";
import { isToken } from "../../grammar/token.ts";
import { HttpHeaders } from "../../headers.ts";
import type { RequestFields } from "../../http2/request-fields.ts";
import type { HttpRequest } from "../../message.ts";
import { callNotes } from "../../notes.ts";
import { expectationOf } from "../expectation.ts";
import { fieldBytes, headerBytes, maxFields, type Refusal, tooLong } from "../refusal.ts";
import type { Tunnels } from "../tunnels.ts";

/** The head of a request. */
export interface Head {
  readonly method: string;
  readonly authority: string;
  readonly path: string;
  readonly query: string;
  /** Alternating names and values, `Host` first. */
  readonly raw: readonly string[];
  /** The protocol of an extended CONNECT. */
  readonly upgrade: string | undefined;
  readonly isTunnel: boolean;
  /** Value of Content-Length. */
  readonly length: number | undefined;
  readonly awaitsContinue: boolean;
}

/**
 * Reads a request's head (RFC 9113, 8.3), and refuses what an HTTP/1.1 upstream could interpret
 * differently.
 */
export function readHead(fields: RequestFields, tunnels: Tunnels): Head | Refusal {
  const { method, scheme, path, protocol, fault } = fields;
  if (fault !== undefined) return malformed(fault.message);
  if (fields.isTooLong || fields.bytes + fields.count * fieldBytes > headerBytes)
    return tooLong((path?.length ?? 0) > headerBytes / 2);
  if (fields.fields.length > 2 * maxFields)
    return { status: 431, reason: `more than ${maxFields} header fields` };
  const isExtended = protocol !== undefined;
  const isConnect = method === "CONNECT" && !isExtended;
  if (method === undefined || !isToken(method)) return malformed("missing or invalid :method");
  if (isConnect ? scheme !== undefined || path !== undefined : scheme === undefined || !path)
    return malformed(isConnect ? "CONNECT with :scheme or :path" : "no :scheme or :path");
  if (isExtended && method !== "CONNECT") return refused("unexpected pseudo-header field :protocol");
  if (!isConnect && scheme !== "http" && scheme !== "https") return refused("scheme must be http or https");
  const named = authorityOf(fields);
  if (typeof named !== "string") return named;
  const target = targetOf(isConnect ? "CONNECT" : isExtended ? "GET" : method, path, named);
  if (target === undefined) return refused("malformed request target");
  const expectation = fields.expectation === undefined ? "nothing" : expectationOf(fields.expectation);
  if (expectation === undefined) return { status: 417, reason: "expectation must be 100-continue" };
  // RFC 9220, 3 specifies 501, which RFC 8441 leaves open.
  if (isExtended ? !tunnels.has(protocol) : isConnect && !tunnels.connects)
    return { status: 501, reason: `${isExtended ? "protocol" : "CONNECT"} is not enabled` };
  const raw = fields.fields;
  raw[1] = named;
  return {
    // The extended CONNECT of RFC 8441 corresponds to an HTTP/1.1 upgrade with GET.
    method: isExtended ? "GET" : method,
    authority: named,
    path: target.path,
    query: target.query,
    raw,
    upgrade: protocol,
    isTunnel: isExtended || isConnect,
    // A tunnel has no length (RFC 9110, 9.3.6).
    length: isExtended || isConnect ? undefined : fields.contentLength,
    awaitsContinue: expectation === "continue",
  };
}

/** What a request has besides its head. */
type Rest = Required<Pick<HttpRequest, "scheme" | "body" | "onInformation">> & Pick<HttpRequest, "peer">;

/**
 * Makes the request of a head. Its scheme is the connection's, because the client's own value cannot
 * be verified.
 */
export function requestOf(
  { method, authority, path, query, raw, upgrade }: Head,
  { scheme, body, peer, onInformation }: Rest,
): HttpRequest {
  return {
    method,
    scheme,
    authority,
    path,
    query,
    headers: new HttpHeaders(raw),
    body,
    upgrade,
    upgradeContent: undefined,
    version: "2",
    peer,
    onInformation,
    notes: callNotes(),
  };
}

const rarelyHasBody: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "DELETE"]);

/**
 * Whether a request that does not end with its head may nevertheless have no body. A client that
 * waits for `100 Continue` sends nothing before.
 */
export function mayBeEmpty({ method, length, upgrade, awaitsContinue }: Head): boolean {
  return length === undefined && upgrade === undefined && !awaitsContinue && rarelyHasBody.has(method);
}

function authorityOf({ authority, hosts }: RequestFields): string | Refusal {
  // The authority counts, because it becomes the Host field.
  if (hosts !== undefined) {
    if (hosts.length > 1) return refused("more than one Host field");
    if (authority !== undefined && authority !== hosts[0])
      return refused("Host field differs from :authority");
  }
  const named = authority ?? hosts?.[0];
  return named !== undefined && isAuthority(named) ? named : refused("malformed authority");
}

function targetOf(method: string, path: string | undefined, named: string): ReturnType<typeof parseTarget> {
  if (method === "CONNECT") return parseTarget(method, named, named);
  // Only the origin form: an absolute one would be a second authority.
  if (path === undefined || !(path.startsWith("/") || path === "*") || !isRequestTarget(path))
    return undefined;
  return parseTarget(method, path, named);
}

function refused(reason: string): Refusal {
  return { status: 400, reason };
}

function malformed(reason: string): Refusal {
  return { status: 400, reason, isReset: true };
}
