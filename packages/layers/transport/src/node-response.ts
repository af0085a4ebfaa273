import type { ClientRequest, IncomingMessage } from "node:http";
import { type Body, emptyBody, HttpHeaders, type HttpResponse, StreamBody } from "@pagoda/core/http";
import { announcedLength, reasonPhrase } from "./headers.ts";
import type { NodeOrigin } from "./node-exchange.ts";

/** The response that Node's client gave for a request, its body's idle time limited from now on. */
export function nodeResponse(message: IncomingMessage, out: ClientRequest, origin: NodeOrigin): HttpResponse {
  const status = message.statusCode as number;
  const headers = new HttpHeaders(message.rawHeaders);
  limitIdle(message, out, origin.idleTimeoutMs);
  message.on("end", () => {
    // An origin that answers early does not want the rest; Node would wait for it for ever.
    if (!out.writableEnded) out.destroy();
  });
  return {
    status,
    headers,
    body: bodyOf(message, headers, out.method, status),
    statusText: reasonPhrase(message.statusMessage, "latin1"),
    upstream: origin.upstream,
    fault: undefined,
  };
}

function bodyOf(message: IncomingMessage, headers: HttpHeaders, method: string, status: number): Body {
  const length = announcedLength(headers, method, status);
  const none = length === 0 || method === "HEAD" || status === 204 || status === 304;
  if (!none) return new StreamBody(message, length);
  // The connection is free without anybody's reading it.
  message.resume();
  return emptyBody;
}

/** A reader that takes a break is not the origin's silence. */
function limitIdle(message: IncomingMessage, out: ClientRequest, ms: number): void {
  out.setTimeout(ms, () => {
    if (message.readableFlowing === true) out.destroy();
    else limitIdle(message, out, ms);
  });
}
