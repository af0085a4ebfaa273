import { membersOf } from "./grammar/list.ts";
import { isToken } from "./grammar/token.ts";

/**
 * `h2`, `h2c`, `h3-29`, `http/2`, `HTTP2`, `hq-interop`, `TLS/1.2` (RFC 2817: HTTP again, inside
 * TLS).
 */
const http = /^(?:h\d+c?|hq|tls|ssl)(?:[^a-z\d].*)?$|^http/;

/**
 * Whether a text is a protocol in `Upgrade`: a name, and a version where one stands there (RFC
 * 9110, 7.8).
 */
export function isProtocolName(protocol: string): boolean {
  const parts = protocol.split("/");
  return parts.length <= 2 && parts.every(isToken);
}

/**
 * Whether a tunnel for this protocol would carry HTTP requests. No policy would see them, so
 * neither the server nor the transport opens such a tunnel, regardless of configuration.
 *
 * `SPDY/3.1` does not count: HTTP is no longer served over it, and Kubernetes uses it for
 * terminals.
 */
export function speaksHttp(protocol: string): boolean {
  return http.test(protocol.toLowerCase());
}

/** Returns the protocols in an `Upgrade` value, in order of preference. */
export function protocolsOf(upgrade: string): string[] {
  return membersOf(upgrade);
}

/** Whether a request asks for WebSocket, possibly among other protocols. */
export function wantsWebSocket(upgrade: string | undefined): boolean {
  return upgrade !== undefined && protocolsOf(upgrade).some(isWebSocket);
}

export function isWebSocket(protocol: string): boolean {
  return protocol.toLowerCase() === "websocket";
}
