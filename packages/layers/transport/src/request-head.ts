import { type HttpRequest, isEmptyBody, sentPath, wantsWebSocket } from "@pagoda/http";
import { fieldValue, target, token } from "./field-syntax.ts";
import type { TunnelTerms } from "./tunnel-head.ts";
import { wantsTunnel, websocketAccept, websocketKey } from "./tunnel-request.ts";
import { Unsendable } from "./unsendable.ts";

/** A request's head as it goes on the wire, and how its body follows. */
export interface RequestHead {
  /** With the empty line at its end; every character is a byte. */
  readonly text: string;
  /** How the body is delimited: by its length, or in chunks. */
  readonly framing: number | "chunked";
  /** The origin is asked whether it wants the body. */
  readonly expectsContinue: boolean;
  /** What opens the tunnel that is asked for. Until it is open nothing of the body is sent. */
  readonly tunnel: TunnelTerms | undefined;
}

/** Names that have stood the test: there are few, and they come again. */
const knownNames = new Set<string>();
const maxKnownNames = 1_000;

/** Methods whose requests say `Content-Length: 0` where they have no body (RFC 9110, 8.6). */
const anticipatesBody: ReadonlySet<string> = new Set(["POST", "PUT", "PATCH"]);

/**
 * The head of a request. `Host` is its authority, whatever stands among its fields; the fields of the connection itself
 * are left out, and the body is delimited by exactly one field.
 *
 * @throws Unsendable
 */
export function requestHead(request: HttpRequest): RequestHead {
  const { method, query, authority, body, headers } = request;
  const isTunnel = wantsTunnel(request);
  if (!token.test(method)) throw new Unsendable(`the method is "${method}"`);
  const place = method === "CONNECT" ? authority : sentPath(request) + query;
  if (!target.test(place)) throw new Unsendable(`the target is "${place}"`);
  if (!fieldValue.test(authority)) throw new Unsendable(`the authority is "${authority}"`);
  let text = `${method} ${place} HTTP/1.1\r\nhost: ${authority}\r\n`;
  let announced: string | undefined;
  let expectsContinue = false;
  const { raw } = headers;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] as string;
    const value = raw[i + 1] as string;
    switch (name.length) {
      case 4:
        if (name.toLowerCase() === "host") continue;
        break;
      case 6:
        if (name.toLowerCase() === "expect") {
          if (value.toLowerCase() === "100-continue") expectsContinue = request.version !== "1.0";
          continue;
        }
        break;
      case 7:
        if (name.toLowerCase() === "upgrade") continue;
        break;
      case 10: {
        const lower = name.toLowerCase();
        if (lower === "connection" || lower === "keep-alive") continue;
        break;
      }
      case 14:
        if (name.toLowerCase() === "content-length") {
          if (announced !== undefined || !/^\d{1,15}$/.test(value))
            throw new Unsendable(`Content-Length is "${headers.all("content-length").join('", "')}"`);
          announced = value;
          if (isTunnel) continue;
        }
        break;
      case 17:
        if (name.toLowerCase() === "transfer-encoding") continue;
    }
    if (!knownNames.has(name)) learn(name);
    if (!fieldValue.test(value)) throw new Unsendable(`the field ${name} has a character that is none`);
    text += `${name}: ${value}\r\n`;
  }
  if (isTunnel) return tunnelHead(request, text);
  if (isEmptyBody(body) && announced === undefined && !anticipatesBody.has(method))
    return { text: `${text}\r\n`, framing: 0, expectsContinue: false, tunnel: undefined };
  return withBody(request, text, announced, expectsContinue);
}

function withBody(
  { method, body }: HttpRequest,
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
      throw new Unsendable(`Content-Length is "${announced}", the body has ${length} bytes`);
  } else if (length === undefined) text += "transfer-encoding: chunked\r\n";
  else if (length > 0 || anticipatesBody.has(method)) text += `content-length: ${length}\r\n`;
  return { text: `${text}\r\n`, framing, expectsContinue: expects, tunnel: undefined };
}

/** A client that came by HTTP/2 gave no key, and would not know what to do with the answer. */
function tunnelHead({ upgrade, headers }: HttpRequest, head: string): RequestHead {
  let text = upgrade === undefined ? head : `${head}connection: Upgrade\r\nupgrade: ${upgrade}\r\n`;
  let accept: string | undefined;
  if (wantsWebSocket(upgrade) && !headers.has("sec-websocket-key")) {
    const key = websocketKey();
    accept = websocketAccept(key);
    text += `sec-websocket-key: ${key}\r\n`;
  }
  return { text: `${text}\r\n`, framing: 0, expectsContinue: false, tunnel: { upgrade, accept } };
}

function learn(name: string): void {
  if (!token.test(name)) throw new Unsendable(`a field is called "${name}"`);
  if (knownNames.size < maxKnownNames) knownNames.add(name);
}
