import { wantsWebSocket } from "../../upgrades.ts";
import type { Refusal } from "../refusal.ts";
import type { Tunnels } from "../tunnels.ts";
import type { WantedTunnel } from "./exchange.ts";
import type { RequestHead } from "./request-head.ts";

/** Returns the tunnel that a request asks for. */
export function wantedTunnel(head: RequestHead, tunnels: Tunnels): WantedTunnel | undefined {
  if (head.method === "CONNECT") return { upgrade: undefined };
  const upgrade = tunnels.wantedBy(head);
  return upgrade === undefined ? undefined : { upgrade };
}

/** Returns why a request cannot be passed to the stack because of the tunnel that it asks for. */
export function tunnelRefusal(
  { method, headers, length }: RequestHead,
  wanted: WantedTunnel | undefined,
  tunnels: Tunnels,
): Refusal | undefined {
  if (method === "CONNECT") {
    if (length !== 0) return { status: 400, reason: "a CONNECT request must not have a body" };
    return tunnels.connects ? undefined : { status: 501, reason: "CONNECT is not enabled" };
  }
  if (wantsWebSocket(wanted?.upgrade) && headers.all("sec-websocket-key").length !== 1)
    return { status: 400, reason: "exactly one Sec-WebSocket-Key is required" };
  return undefined;
}
