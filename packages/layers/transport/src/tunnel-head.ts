import { isWebSocket, protocolsOf } from "@pagoda/http";
import { Malformed } from "./malformed.ts";
import type { ResponseHead } from "./response-head.ts";

/** What opens the tunnel that a request asks for. */
export interface TunnelTerms {
  /** The protocols, as `Upgrade` has them: status 101 opens it for one of them. Absent: CONNECT, and any status of 2xx does. */
  readonly upgrade: string | undefined;
  /** What `Sec-WebSocket-Accept` must say, where the key is ours. */
  readonly accept: string | undefined;
}

export function opensTunnel({ upgrade }: TunnelTerms, status: number): boolean {
  return upgrade === undefined ? status >= 200 && status < 300 : status === 101;
}

/**
 * The head of a response that opens a tunnel: all that follows on the connection is the tunnel's.
 *
 * @throws Malformed where it opens another one than was asked for.
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
        `the origin changes to "${protocols.join('", "')}" where "${upgrade}" was asked for`,
      );
    if (framing === "chunked" || (typeof framing === "number" && framing > 0))
      throw new Malformed(
        "unexpected-upgrade",
        "the origin changes to another protocol and announces a body",
      );
  }
  if (accept !== undefined && isWebSocket(headers.get("upgrade") ?? "")) {
    const answers = headers.all("sec-websocket-accept");
    if (answers.length !== 1 || answers[0] !== accept)
      throw new Malformed(
        "websocket-accept",
        "the origin's Sec-WebSocket-Accept is not the answer to the key",
      );
    headers = headers.delete("sec-websocket-accept");
  }
  // RFC 9110, 9.3.6: those of a response to CONNECT mean nothing.
  headers = headers.delete("content-length").delete("transfer-encoding");
  return { ...head, headers, framing: "close", keepAlive: false };
}
