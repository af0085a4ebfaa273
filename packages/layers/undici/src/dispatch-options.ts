import { isIP } from "node:net";
import { type HttpRequest, isEmptyBody, pathToSend } from "@pagoda/http";
import { isAuthority, readContentLength, socketHost } from "@pagoda/http/grammar";
import type { Dispatcher } from "undici";
import { UndiciBody } from "./request-body.ts";
import { Unsendable } from "./unsendable.ts";

/** Where calls go, and their time limits. */
export interface Target {
  /** Absent: each request's own scheme and authority. */
  readonly origin: URL | undefined;
  readonly servername: string | undefined;
  readonly headersTimeoutMs: number;
  readonly idleTimeoutMs: number;
}

/** The options of a dispatch, as undici reads them. */
export type SentRequest = Omit<Dispatcher.DispatchOptions, "body"> & {
  readonly origin: string;
  readonly body: UndiciBody | null;
  /** Name for SNI and the verification of the certificate. Missing in undici's types. */
  readonly servername?: string;
};

/** Fields that undici sets itself, or that concern the client's connection only. */
const notPassedOn: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "expect",
  "host",
  "keep-alive",
  "transfer-encoding",
  "upgrade",
]);

/**
 * Converts a request. undici validates the method, the path and the fields.
 *
 * @throws Unsendable
 */
export function dispatchOptions(request: HttpRequest, target: Target): SentRequest {
  const { method, scheme, authority, query, body } = request;
  const { origin, headersTimeoutMs, idleTimeoutMs } = target;
  if (origin === undefined && !isAuthority(authority))
    throw new Unsendable(`invalid authority "${authority}"`);
  const path = pathToSend(request);
  // undici would take a path in absolute form for another origin's.
  if (!path.startsWith("/")) throw new Unsendable(`invalid target "${path}${query}"`);
  const length = lengthOf(request);
  const headers = fieldsOf(request);
  const isEmpty = isEmptyBody(body);
  if (length !== undefined && !isEmpty) headers["content-length"] = String(length);
  const sent = {
    origin: origin?.origin ?? `${scheme}://${authority}`,
    path: `${path}${query}`,
    method,
    headers,
    body: isEmpty ? null : new UndiciBody(body, length),
    headersTimeout: headersTimeoutMs,
    bodyTimeout: idleTimeoutMs,
  };
  const name = servername(target);
  return name === undefined ? sent : { ...sent, servername: name };
}

/**
 * undici would take the name from `Host`, and open a new connection for each other one: clients
 * would decide which certificate is accepted. It does not accept an IP address here.
 */
function servername({ origin, servername: given }: Target): string | undefined {
  if (origin?.protocol !== "https:") return undefined;
  if (given !== undefined) return given;
  return isIP(socketHost(origin.hostname)) === 0 ? origin.hostname : undefined;
}

function lengthOf({ headers, body }: HttpRequest): number | undefined {
  const given = headers.all("content-length");
  if (given.length === 0) return body.length;
  const announced = given.length === 1 ? readContentLength(given[0] as string) : undefined;
  if (announced === undefined) throw new Unsendable(`invalid Content-Length "${given.join('", "')}"`);
  if (body.length !== undefined && body.length !== announced)
    throw new Unsendable(`Content-Length is ${announced} but the body has ${body.length} bytes`);
  return announced;
}

/**
 * A record, because a `ProxyAgent` keeps only the last of the fields with the same name in an array.
 * Repetitions are therefore sent one after the other, in the place of the first one.
 */
function fieldsOf({ headers, authority }: HttpRequest): Record<string, string | string[]> {
  const fields = Object.create(null) as Record<string, string | string[]>;
  fields["host"] = authority;
  /** The names as they are sent, by their lower case. */
  const names = new Map<string, string>();
  const { raw } = headers;
  for (let i = 0; i < raw.length; i += 2) {
    const written = raw[i] as string;
    const value = raw[i + 1] as string;
    const lower = written.toLowerCase();
    if (notPassedOn.has(lower)) continue;
    const name = names.get(lower);
    if (name === undefined) {
      names.set(lower, written);
      fields[written] = value;
    } else {
      const before = fields[name] as string | string[];
      if (typeof before === "string") fields[name] = [before, value];
      else before.push(value);
    }
  }
  return fields;
}
