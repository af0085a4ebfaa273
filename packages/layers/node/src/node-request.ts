import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { callNotes, emptyBody, HttpHeaders, type HttpRequest, type Peer } from "@pagoda/http";
import { isAuthority, parseTarget } from "@pagoda/http/grammar";
import { peerOf } from "@pagoda/http/server";
import { sendInformation } from "./information.ts";
import { RequestBody } from "./request-body.ts";

/**
 * Converts a request that Node has parsed.
 *
 * @returns Why it cannot be served, if its target or its host is ambiguous.
 */
export function fromNodeRequest(request: IncomingMessage, response: ServerResponse): HttpRequest | string {
  const { method = "GET", url = "/", socket } = request;
  const headers = new HttpHeaders(request.rawHeaders);
  const [host = "", ...hosts] = headers.all("host");
  if (hosts.length > 0) return "more than one Host field";
  if (host !== "" && !isAuthority(host)) return "malformed Host field";
  const target = parseTarget(method, url, host);
  if (target === undefined) return "malformed request target";
  const { authority, path, query } = target;
  return {
    method,
    scheme: "encrypted" in socket ? "https" : "http",
    authority,
    path,
    query,
    // RFC 9112, 3.2.2: an absolute target overrides the Host field.
    headers: authority === host ? headers : headers.set("Host", authority),
    body: hasBody(request) ? new RequestBody(request, response) : emptyBody,
    version: request.httpVersion === "1.0" ? "1.0" : "1.1",
    peer: peerOn(socket),
    onInformation: (status, fields) => sendInformation(request, response, status, fields),
    notes: callNotes(),
  };
}

function hasBody({ headers }: IncomingMessage): boolean {
  const { "content-length": length, "transfer-encoding": coding } = headers;
  return coding !== undefined || (length !== undefined && Number(length) > 0);
}

/** Reading a certificate is expensive, and a connection carries many requests. */
const peers = new WeakMap<Socket, Peer>();

/** The peer of a connection; a Unix socket has none, and neither has a client that is gone. */
function peerOn(socket: Socket): Peer | undefined {
  const known = peers.get(socket);
  if (known !== undefined || socket.remoteAddress === undefined) return known;
  const peer = peerOf(socket);
  peers.set(socket, peer);
  return peer;
}
