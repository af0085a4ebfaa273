import { isWebSocket, protocolsOf } from "@pagoda/http";
import { Malformed } from "./malformed.ts";
import type { ResponseHead } from "./response-head.ts";

/** What opens the tunnel requested by a call. */
export interface TunnelTerms {
  /** Protocols of `Upgrade`, one of which a 101 opens. Absent for CONNECT, which any 2xx opens. */
  readonly upgrade: string | undefined;
  /** Expected `Sec-WebSocket-Accept`, if the key was generated here. */
  readonly accept: string | undefined;
}

/**
 * Checks the head of a response that opens a tunnel. All further data on the connection belongs to
 * the tunnel.
 *
 * @throws Malformed if it opens a tunnel other than the requested one.
 */
export function tunnelHead(head: ResponseHead, { upgrade, accept }: TunnelTerms): ResponseHead {
  const { framing } = head;
  let { headers } = head;
  if (upgrade !== undefined) {
    const protocols = headers.all("upgrade");
    const wanted = protocolsOf(upgrade.toLowerCase());
    if (protocols.length !== 1 || !wanted.includes((protocols[0] as string).toLowerCase()))
      throw new Malformed(
        "unexpected-upgrade",
        `origin switched to "${protocols.join('", "')}" instead of "${upgrade}"`,
      );
    if (framing === "chunked" || (typeof framing === "number" && framing > 0))
      throw new Malformed("unexpected-upgrade", "101 response with a body");
  }
  if (accept !== undefined && isWebSocket(headers.get("upgrade") ?? "")) {
    const answers = headers.all("sec-websocket-accept");
    if (answers.length !== 1 || answers[0] !== accept)
      throw new Malformed("websocket-accept", "Sec-WebSocket-Accept does not match the key");
    headers = headers.delete("sec-websocket-accept");
  }
  // Ignored in a response to CONNECT (RFC 9110, section 9.3.6).
  headers = headers.delete("content-length").delete("transfer-encoding");
  return { ...head, headers, framing: "close", keepAlive: false };
}
