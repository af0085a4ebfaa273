import { createHash, randomBytes } from "node:crypto";
import { asksForTunnel, type HttpRequest, isProtocolName, protocolsOf, speaksHttp } from "@pagoda/http";
import { Unsendable } from "./unsendable.ts";

/** A host as URLs have it (RFC 3986, 3.2.2), and a port. */
const hostAndPort = /^(?:\[[\da-fA-F:.]+\]|[\w\-.~%!$&'()*+,;=]+):\d{1,5}$/;

/**
 * Whether a request asks for a tunnel: an upgrade, or CONNECT. Its body is what the client says once the origin has
 * opened one, so nothing announces it, and none of it is sent before.
 *
 * @throws Unsendable where it asks for one that nobody could open.
 */
export function wantsTunnel(request: HttpRequest): boolean {
  if (!asksForTunnel(request)) return false;
  const { method, upgrade, headers } = request;
  if (upgrade === undefined) checkConnect(request);
  else if (method === "CONNECT") throw new Unsendable("an upgrade is asked for with CONNECT");
  else checkProtocols(upgrade);
  // Another reader would take so many bytes for a body, and the next ones for a request.
  if (headers.all("content-length").some((length) => length !== "0"))
    throw new Unsendable("a request that asks for a tunnel announces a body");
  return true;
}

/** Nobody reads what goes through a tunnel, so it must not carry requests. */
function checkProtocols(upgrade: string): void {
  const protocols = protocolsOf(upgrade);
  if (protocols.length === 0 || !protocols.every(isProtocolName))
    throw new Unsendable(`the protocol of the upgrade is "${upgrade}"`);
  if (protocols.some(speaksHttp)) throw new Unsendable(`the upgrade is to HTTP: "${upgrade}"`);
}

function checkConnect({ authority, path, query }: HttpRequest): void {
  if (!hostAndPort.test(authority)) throw new Unsendable(`the authority of CONNECT is "${authority}"`);
  if (path + query !== "") throw new Unsendable(`the target of CONNECT is "${path + query}"`);
}

/** What a WebSocket client says in HTTP/1.1 only: a key, so that no cache and no other server can answer it by chance. */
export function websocketKey(): string {
  return randomBytes(16).toString("base64");
}

/** The answer to a key (RFC 6455, 4.2.2). */
export function websocketAccept(key: string): string {
  return createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
}
