import { randomBytes } from "node:crypto";
import { type HttpRequest, isProtocolName, protocolsOf, requestsTunnel, speaksHttp } from "@pagoda/http";
import { isHostAndPort } from "@pagoda/http/grammar";
import { Unsendable } from "./unsendable.ts";

/**
 * Whether a request asks for a tunnel: an upgrade, or CONNECT. Its body is the client's side of the
 * tunnel. It has no declared length and is not sent before the tunnel is open. Only an upgrade can
 * have content besides.
 *
 * @throws Unsendable if the tunnel request is invalid.
 */
export function wantsTunnel(request: HttpRequest): boolean {
  if (!requestsTunnel(request)) return false;
  const { method, upgrade, headers, upgradeContent } = request;
  if (upgrade === undefined) checkConnect(request);
  else if (method === "CONNECT") throw new Unsendable("CONNECT request with an upgrade");
  else checkProtocols(upgrade);
  // Another parser would read that many bytes as a body and the next ones as a request.
  if (upgradeContent === undefined && headers.all("content-length").some((length) => length !== "0"))
    throw new Unsendable("tunnel request with a body length");
  if (upgradeContent !== undefined && upgrade === undefined)
    throw new Unsendable("CONNECT request with content");
  return true;
}

/** No policy sees the content of a tunnel, so it must not carry requests. */
function checkProtocols(upgrade: string): void {
  const protocols = protocolsOf(upgrade);
  if (protocols.length === 0 || !protocols.every(isProtocolName))
    throw new Unsendable(`invalid upgrade protocol "${upgrade}"`);
  if (protocols.some(speaksHttp))
    throw new Unsendable(`upgrade to a protocol that carries HTTP: "${upgrade}"`);
}

function checkConnect({ authority, path, query }: HttpRequest): void {
  if (!isHostAndPort(authority)) throw new Unsendable(`invalid CONNECT authority "${authority}"`);
  if (path + query !== "") throw new Unsendable(`CONNECT request with a path "${path + query}"`);
}

/**
 * Generates a WebSocket key, which only HTTP/1.1 has. It keeps caches and other servers from
 * answering by accident.
 */
export function websocketKey(): string {
  return randomBytes(16).toString("base64");
}
