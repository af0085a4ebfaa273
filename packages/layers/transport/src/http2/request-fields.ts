import {
  type HttpRequest,
  isEmptyBody,
  pathToSend,
  protocolsOf,
  singleLines,
  wantsWebSocket,
} from "@pagoda/http";
import {
  acceptsTrailers,
  isFieldValue,
  isRequestTarget,
  isToken,
  readContentLength,
} from "@pagoda/http/grammar";
import { wantsTunnel } from "../tunnel-request.ts";
import { Unsendable } from "../unsendable.ts";
import { fieldKind, joinsRepeated, knownField } from "./known-fields.ts";

const { leftOut, te, expect, contentLength, webSocketKey, invalid } = fieldKind;

/** Header fields of an HTTP/2 request, and the framing of its body. */
export interface RequestFields {
  /** Alternating names and values, pseudo-header fields first. */
  readonly fields: readonly string[];
  /** Whether the request ends with its headers. */
  readonly bodiless: boolean;
  /** Declared length of the body. */
  readonly length: number | undefined;
  /** Whether to wait for 100 (Continue) before sending the body. */
  readonly expectsContinue: boolean;
  /** Whether a tunnel is requested. Nothing of the body is sent before it is open. */
  readonly isTunnel: boolean;
}

/**
 * Builds the header fields of an HTTP/2 request (RFC 9113, section 8.3.1). The authority is the
 * request's, whatever its fields say.
 *
 * @throws Unsendable
 */
export function requestFields(request: HttpRequest): RequestFields {
  const { method, query, authority, body, headers } = request;
  const isTunnel = wantsTunnel(request);
  if (!isToken(method)) throw new Unsendable(`invalid method "${method}"`);
  const place = pathToSend(request) + query;
  if (method !== "CONNECT" && !isRequestTarget(place)) throw new Unsendable(`invalid target "${place}"`);
  if (!isFieldValue(authority)) throw new Unsendable(`invalid authority "${authority}"`);
  let fields = pseudoFields(request, place);
  let isRepeated = false;
  let announced: string | undefined;
  let expectsContinue = false;
  const { raw } = headers;
  for (let i = 0; i < raw.length; i += 2) {
    const field = knownField(raw[i] as string);
    const value = raw[i + 1] as string;
    const { name, kind } = field;
    if (kind === leftOut) continue;
    if (kind === invalid) throw new Unsendable(`invalid field name "${name}"`);
    if (!isFieldValue(value)) throw new Unsendable(`field ${name} contains an invalid character`);
    switch (kind) {
      case te:
        if (acceptsTrailers(value)) fields.push("te", "trailers");
        continue;
      case expect:
        if (value.toLowerCase() === "100-continue") expectsContinue = request.version !== "1.0";
        continue;
      case contentLength:
        if (announced !== undefined || readContentLength(value) === undefined)
          throw new Unsendable(`invalid Content-Length "${headers.all("content-length").join('", "')}"`);
        announced = value;
        if (isTunnel) continue;
        break;
      case webSocketKey:
        // The key and its answer exist in HTTP/1.1 only (RFC 8441, section 5.1).
        if (wantsWebSocket(request.upgrade)) continue;
    }
    isRepeated ||= joinsRepeated(fields, field);
    fields.push(name, value);
  }
  if (isRepeated) fields = singleLines(fields);
  if (isTunnel) return { fields, bodiless: false, length: undefined, expectsContinue: false, isTunnel };
  const length = announced === undefined ? body.length : Number(announced);
  if (body.length !== undefined && length !== body.length)
    throw new Unsendable(`Content-Length is ${announced} but the body has ${body.length} bytes`);
  const bodiless = isEmptyBody(body);
  if (announced === undefined && length !== undefined && !bodiless)
    fields.push("content-length", String(length));
  expectsContinue &&= !bodiless && length !== 0;
  if (expectsContinue) fields.push("expect", "100-continue");
  return { fields, bodiless, length, expectsContinue, isTunnel };
}

/** An upgrade is an extended CONNECT with a path and a protocol (RFC 8441, section 4). */
function pseudoFields(
  { method, scheme, authority, upgrade, upgradeContent }: HttpRequest,
  place: string,
): string[] {
  if (method === "CONNECT") return [":method", method, ":authority", authority];
  if (upgrade !== undefined && method !== "GET")
    throw new Unsendable(`an upgrade over HTTP/2 requires GET (got ${method})`);
  if (upgradeContent !== undefined) throw new Unsendable("an upgrade over HTTP/2 has no content");
  const fields = [":method", upgrade === undefined ? method : "CONNECT"];
  // Only one protocol is possible: the client's first choice.
  if (upgrade !== undefined) fields.push(":protocol", protocolsOf(upgrade)[0] as string);
  fields.push(":scheme", scheme, ":authority", authority, ":path", place);
  return fields;
}
