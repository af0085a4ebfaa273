import { HttpHeaders, type HttpRequest, type HttpResponse, type RawHeaders } from "@pagoda/http";
import { connectionFields, membersOf } from "@pagoda/http/grammar";
import { type Directives, directivesOf } from "./cache-control.ts";
import { type FreshnessOptions, initialAgeMs, lifetimeMs } from "./freshness.ts";
import { allowsHeuristic } from "./storable.ts";
import type { StoredResponse } from "./stored-response.ts";
import { namesIn, selecting } from "./vary.ts";

/** A stored response and what follows from its fields. */
export interface Kept {
  readonly stored: StoredResponse;
  readonly headers: HttpHeaders;
  readonly directives: Directives;
  readonly lifetimeMs: number;
}

/** Fields of one connection or one hop, which are not stored (RFC 9111, 3.1), and `Age`. */
const notStored: ReadonlySet<string> = new Set([
  ...connectionFields,
  "age",
  "proxy-authenticate",
  "proxy-authentication-info",
  "proxy-authorization",
  "trailer",
]);

/** Fields about the stored body, which a 304 does not change (RFC 9111, 3.2). */
const ofTheBody: ReadonlySet<string> = new Set(["content-encoding", "content-length", "content-range"]);

/** Returns a function that reads the fields of stored responses, once for each. */
export function keptReader(options: FreshnessOptions): (stored: StoredResponse) => Kept {
  const known = new WeakMap<StoredResponse, Kept>();
  return (stored) => {
    let kept = known.get(stored);
    if (kept !== undefined) return kept;
    const headers = new HttpHeaders(stored.headers);
    const directives = directivesOf(headers);
    const isHeuristic = allowsHeuristic(stored.status, directives);
    const lifetime = lifetimeMs(headers, directives, stored.receivedAt, isHeuristic, options);
    kept = { stored, headers, directives, lifetimeMs: lifetime };
    known.set(stored, kept);
    return kept;
  };
}

/** Makes the stored form of a response, so far without its body. */
export function storedHead(
  { status, statusText, headers }: HttpResponse,
  selectedBy: RawHeaders,
  requestedAt: number,
  receivedAt: number,
): StoredResponse {
  return {
    status,
    statusText,
    headers: storedFields(headers, receivedAt),
    body: new Uint8Array(0),
    selectedBy,
    receivedAt,
    initialAgeMs: initialAgeMs(headers, requestedAt, receivedAt),
  };
}

/** Makes a stored response that a 304, or a response to HEAD, has updated (RFC 9111, 3.2). */
export function updated(
  stored: StoredResponse,
  { headers }: HttpResponse,
  request: HttpRequest,
  requestedAt: number,
  receivedAt: number,
): StoredResponse {
  const fields = storedFields(headers, receivedAt);
  const replaced = new Set<string>();
  const fresh: string[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] as string;
    if (ofTheBody.has(name.toLowerCase())) continue;
    replaced.add(name.toLowerCase());
    fresh.push(name, fields[i + 1] as string);
  }
  const old: string[] = [];
  for (let i = 0; i < stored.headers.length; i += 2) {
    const name = stored.headers[i] as string;
    if (!replaced.has(name.toLowerCase())) old.push(name, stored.headers[i + 1] as string);
  }
  const all = new HttpHeaders([...old, ...fresh]);
  return {
    ...stored,
    headers: all.raw,
    // It may name other fields now.
    selectedBy: selecting(namesIn(all) ?? [], request),
    receivedAt,
    initialAgeMs: initialAgeMs(headers, requestedAt, receivedAt),
  };
}

/** The fields to store. A response without `Date` gets one (RFC 9110, 6.6.1). */
function storedFields(headers: HttpHeaders, receivedAt: number): RawHeaders {
  const named = new Set(
    headers.all("connection").flatMap((list) => membersOf(list).map((name) => name.toLowerCase())),
  );
  const raw: string[] = [];
  let hasDate = false;
  for (const [name, value] of headers) {
    const lower = name.toLowerCase();
    if (notStored.has(lower) || named.has(lower)) continue;
    hasDate ||= lower === "date";
    raw.push(name, value);
  }
  if (!hasDate) raw.push("date", new Date(receivedAt).toUTCString());
  return raw;
}
