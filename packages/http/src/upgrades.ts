/** A protocol, and its version where one stands there (RFC 9110, 7.8). */
const protocolName = /^[!#$%&'*+\-.^_`|~\dA-Za-z]+(?:\/[!#$%&'*+\-.^_`|~\dA-Za-z]+)?$/;

/** `h2`, `h2c`, `h3-29`, `http/2`, `HTTP2`, `hq-interop`, `TLS/1.2` (RFC 2817: HTTP again, inside TLS). */
const http = /^(?:h\d+c?|hq|tls|ssl)(?:[^a-z\d].*)?$|^http/;

/** Whether a text is a valid protocol name in `Upgrade`. */
export function isProtocolName(protocol: string): boolean {
  return protocolName.test(protocol);
}

/**
 * Whether a tunnel for this protocol would carry HTTP requests. No policy would see them, so neither the server nor the
 * transport opens such a tunnel, whatever the configuration says.
 *
 * `SPDY/3.1` does not count: nothing serves HTTP over it any more, and Kubernetes uses it for terminals.
 */
export function speaksHttp(protocol: string): boolean {
  return http.test(protocol.toLowerCase());
}

/** The protocols in a value of `Upgrade`, in order of preference. */
export function protocolsOf(upgrade: string): string[] {
  return upgrade
    .split(",")
    .map((protocol) => protocol.trim())
    .filter((protocol) => protocol !== "");
}

/** Whether WebSocket is among the protocols that a request asks for. */
export function wantsWebSocket(upgrade: string | undefined): boolean {
  return upgrade !== undefined && protocolsOf(upgrade).some(isWebSocket);
}

export function isWebSocket(protocol: string): boolean {
  return protocol.toLowerCase() === "websocket";
}
