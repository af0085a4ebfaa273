import { type Body, type HttpRequest, isEmptyBody, pathToSend, wantsWebSocket } from "@pagoda/http";
import {
  HeadBuffer,
  isFieldValue,
  isNamed,
  isRequestTarget,
  isToken,
  readContentLength,
} from "@pagoda/http/grammar";
import { websocketAccept } from "@pagoda/http/websocket";
import type { TunnelTerms } from "./tunnel-head.ts";
import { wantsTunnel, websocketKey } from "./tunnel-request.ts";
import { Unsendable } from "./unsendable.ts";

/** A serialized request head, and the framing of its body. */
export interface RequestHead {
  /** Includes the final empty line. Each character is a byte. */
  readonly text: string;
  /** Framing of the body: its length, or chunked. */
  readonly framing: number | "chunked";
  /** Whether to wait for 100 (Continue) before sending the body. */
  readonly expectsContinue: boolean;
  /** What opens the requested tunnel. Nothing of the body is sent before. */
  readonly tunnel: TunnelTerms | undefined;
}

/** Shared by all requests: a head is composed at once. */
const composed = new HeadBuffer();

/** Methods that send `Content-Length: 0` without a body (RFC 9110, section 8.6). */
const anticipatesBody: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH"]);

/**
 * Serializes the head of a request. `Host` is the request's authority, whatever its fields say.
 * Connection fields are removed, and the body is framed by exactly one field.
 *
 * @throws Unsendable
 */
export function requestHead(request: HttpRequest): RequestHead {
  const { method, query, authority, body, headers } = request;
  const isTunnel = wantsTunnel(request);
  if (!isToken(method)) throw new Unsendable(`invalid method "${method}"`);
  const place = method === "CONNECT" ? authority : pathToSend(request) + query;
  if (!isRequestTarget(place)) throw new Unsendable(`invalid target "${place}"`);
  if (!isFieldValue(authority)) throw new Unsendable(`invalid authority "${authority}"`);
  composed.start(`${method} ${place} HTTP/1.1\r\nhost: ${authority}\r\n`);
  let announced: string | undefined;
  let expectsContinue = false;
  const { raw } = headers;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    const value = raw[i + 1] as string;
    // Most fields are passed on after a look at the length of their names.
    switch (name.length) {
      case 4:
        if (isNamed(name, "host")) continue;
        break;
      case 6:
        if (isNamed(name, "expect")) {
          if (isNamed(value, "100-continue")) expectsContinue = request.version !== "1.0";
          continue;
        }
        break;
      case 7:
        if (isNamed(name, "upgrade")) continue;
        break;
      case 10:
        if (isNamed(name, "connection") || isNamed(name, "keep-alive")) continue;
        break;
      case 14:
        if (isNamed(name, "content-length")) {
          if (announced !== undefined || readContentLength(value) === undefined)
            throw new Unsendable(`invalid Content-Length "${headers.all("content-length").join('", "')}"`);
          announced = value;
          if (isTunnel && request.upgradeContent === undefined) continue;
        }
        break;
      case 17:
        if (isNamed(name, "transfer-encoding")) continue;
    }
    const fault = composed.field(name, value);
    if (fault === "field-name") throw new Unsendable(`invalid field name "${name}"`);
    if (fault !== undefined) throw new Unsendable(`field ${name} contains an invalid character`);
  }
  if (isTunnel) return tunnelHead(request, composed.toString(), announced, expectsContinue);
  if (!isEmptyBody(body) || announced !== undefined || anticipatesBody.has(method))
    return withBody(method, body, composed.toString(), announced, expectsContinue);
  composed.add("\r\n");
  return { text: composed.toString(), framing: 0, expectsContinue: false, tunnel: undefined };
}

function withBody(
  method: string,
  body: Body,
  head: string,
  announced: string | undefined,
  expectsContinue: boolean,
): RequestHead {
  const { length } = body;
  const framing = announced === undefined ? (length ?? "chunked") : Number(announced);
  const expects = expectsContinue && framing !== 0;
  let text = expects ? `${head}expect: 100-continue\r\n` : head;
  if (announced !== undefined) {
    if (length !== undefined && length !== Number(announced))
      throw new Unsendable(`Content-Length is ${announced} but the body has ${length} bytes`);
  } else if (length === undefined) text += "transfer-encoding: chunked\r\n";
  else if (length > 0 || anticipatesBody.has(method)) text += `content-length: ${length}\r\n`;
  return { text: `${text}\r\n`, framing, expectsContinue: expects, tunnel: undefined };
}

/**
 * Generates a WebSocket key if there is none: HTTP/2 clients send none, and expect no answer to it.
 */
function tunnelHead(
  { method, upgrade, headers, upgradeContent }: HttpRequest,
  head: string,
  announced: string | undefined,
  expectsContinue: boolean,
): RequestHead {
  let text = upgrade === undefined ? head : `${head}connection: Upgrade\r\nupgrade: ${upgrade}\r\n`;
  let accept: string | undefined;
  if (wantsWebSocket(upgrade) && !headers.has("sec-websocket-key")) {
    const key = websocketKey();
    accept = websocketAccept(key);
    text += `sec-websocket-key: ${key}\r\n`;
  }
  const tunnel = { upgrade, accept };
  if (upgradeContent === undefined)
    return { text: `${text}\r\n`, framing: 0, expectsContinue: false, tunnel };
  return { ...withBody(method, upgradeContent, text, announced, expectsContinue), tunnel };
}
