import { type HttpRequest, isEmptyBody, protocolsOf, sentPath, wantsWebSocket } from "@pagoda/http";
import { fieldValue, target, token } from "../field-syntax.ts";
import { wantsTunnel } from "../tunnel-request.ts";
import { Unsendable } from "../unsendable.ts";

/** A request's head as HTTP/2 has it, and how its body follows. */
export interface RequestFields {
  /** Names and values in turns, the pseudo-header fields first. */
  readonly fields: readonly string[];
  /** The request ends with its head. */
  readonly bodiless: boolean;
  /** Bytes of the body, where they are announced. */
  readonly length: number | undefined;
  /** The origin is asked whether it wants the body. */
  readonly expectsContinue: boolean;
  /** Until the origin has opened the tunnel that is asked for, nothing of the body is sent. */
  readonly isTunnel: boolean;
}

/** What concerns a connection of HTTP/1.1 (RFC 9113, 8.2.2), and what the pseudo-header fields say. */
export const leftOut: ReadonlySet<string> = new Set([
  "connection",
  "host",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

/**
 * The head of a request for HTTP/2 (RFC 9113, 8.3.1). The authority is the request's, whatever stands among its fields.
 *
 * @throws Unsendable
 */
export function requestFields(request: HttpRequest): RequestFields {
  const { method, query, authority, body, headers } = request;
  const isTunnel = wantsTunnel(request);
  if (!token.test(method)) throw new Unsendable(`the method is "${method}"`);
  const place = sentPath(request) + query;
  if (method !== "CONNECT" && !target.test(place)) throw new Unsendable(`the target is "${place}"`);
  if (!fieldValue.test(authority)) throw new Unsendable(`the authority is "${authority}"`);
  const fields = pseudoFields(request, place);
  let announced: string | undefined;
  let expectsContinue = false;
  const { raw } = headers;
  for (let i = 0; i < raw.length; i += 2) {
    const name = (raw[i] as string).toLowerCase();
    const value = raw[i + 1] as string;
    if (leftOut.has(name)) continue;
    if (!token.test(name)) throw new Unsendable(`a field is called "${name}"`);
    if (!fieldValue.test(value)) throw new Unsendable(`the field ${name} has a character that is none`);
    switch (name) {
      case "te":
        if (!/\btrailers\b/i.test(value)) continue;
        fields.push("te", "trailers");
        continue;
      case "expect":
        if (value.toLowerCase() === "100-continue") expectsContinue = request.version !== "1.0";
        continue;
      case "content-length":
        if (announced !== undefined || !/^\d{1,15}$/.test(value))
          throw new Unsendable(`Content-Length is "${headers.all("content-length").join('", "')}"`);
        announced = value;
        if (isTunnel) continue;
        break;
      case "sec-websocket-key":
        // RFC 8441, 5.1: it is HTTP/1.1's, and so is the answer to it.
        if (wantsWebSocket(request.upgrade)) continue;
    }
    fields.push(name, value);
  }
  if (isTunnel) return { fields, bodiless: false, length: undefined, expectsContinue: false, isTunnel };
  const length = announced === undefined ? body.length : Number(announced);
  if (body.length !== undefined && length !== body.length)
    throw new Unsendable(`Content-Length is "${announced}", the body has ${body.length} bytes`);
  const bodiless = isEmptyBody(body);
  if (announced === undefined && length !== undefined && !bodiless)
    fields.push("content-length", String(length));
  expectsContinue &&= !bodiless && length !== 0;
  if (expectsContinue) fields.push("expect", "100-continue");
  return { fields, bodiless, length, expectsContinue, isTunnel };
}

/** An upgrade is a CONNECT that says where to, and to which protocol (RFC 8441, 4). */
function pseudoFields({ method, scheme, authority, upgrade }: HttpRequest, place: string): string[] {
  if (method === "CONNECT") return [":method", method, ":authority", authority];
  if (upgrade !== undefined && method !== "GET")
    throw new Unsendable(`an upgrade is asked for with ${method}, which HTTP/2 cannot say`);
  const fields = [":method", upgrade === undefined ? method : "CONNECT"];
  // There is room for one: the first that the client would like.
  if (upgrade !== undefined) fields.push(":protocol", protocolsOf(upgrade)[0] as string);
  fields.push(":scheme", scheme, ":authority", authority, ":path", place);
  return fields;
}
