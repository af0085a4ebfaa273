import { bodyOf, emptyBody, HttpHeaders, type HttpRequest, type HttpResponse } from "@pagoda/http";
import { isBodilessStatus } from "@pagoda/http/grammar";
import type { Status, StatusText } from "./cache-status.ts";
import { clientHas } from "./conditional.ts";
import { currentAgeMs } from "./freshness.ts";
import type { Kept } from "./kept.ts";

/** Fields about a body that a 304 does not have (RFC 9110, 15.4.5). */
const aboutBody: ReadonlySet<string> = new Set([
  "content-encoding",
  "content-language",
  "content-length",
  "content-range",
  "content-type",
]);

/** Makes a response from a stored one: with its age, and as a 304 if the client has it. */
export function answerFrom(
  kept: Kept,
  request: HttpRequest,
  now: number,
  status: Omit<Status, "ttl">,
  statusText: StatusText,
): HttpResponse {
  const { stored } = kept;
  const ageMs = currentAgeMs(stored, now);
  const ttl = Math.floor((kept.lifetimeMs - ageMs) / 1_000);
  const isKnown = stored.status === 200 && clientHas(request, kept, now);
  const raw = fieldsOf(kept, request, isKnown);
  raw.push("age", String(Math.floor(ageMs / 1_000)));
  const text = statusText({ ...status, ttl });
  if (text !== undefined) raw.push("cache-status", text);
  return {
    status: isKnown ? 304 : stored.status,
    headers: new HttpHeaders(raw),
    body: isKnown || request.method === "HEAD" ? emptyBody : bodyOf(stored.body),
    statusText: isKnown ? undefined : stored.statusText,
    fault: undefined,
    version: undefined,
  };
}

function fieldsOf({ stored, headers }: Kept, { method }: HttpRequest, isKnown: boolean): string[] {
  if (isKnown) return [...headers].filter(([name]) => !aboutBody.has(name.toLowerCase())).flat();
  const raw = [...headers.raw];
  if (method === "HEAD" && !isBodilessStatus(stored.status) && !headers.has("content-length"))
    raw.push("content-length", String(stored.body.length));
  return raw;
}
