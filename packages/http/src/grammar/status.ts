/** Whether responses of this status never have a body, whatever was asked: 204 and 304 (RFC 9110, 6.4.1). */
export function isBodilessStatus(status: number): boolean {
  return status === 204 || status === 304;
}

/** Whether a response has no body: one to HEAD, or of a status without (RFC 9110, 6.4.1). */
export function isBodiless(method: string, status: number): boolean {
  return method === "HEAD" || isBodilessStatus(status);
}

/**
 * Whether a response opens the tunnel that its request asks for: a 2xx to CONNECT (RFC 9110, 9.3.6), a 101 to an upgrade (RFC
 * 9110, 7.8). From then on the connection, or the stream, carries something other than HTTP.
 */
export function opensTunnel(
  { method, upgrade }: { readonly method: string; readonly upgrade?: string | undefined },
  status: number,
): boolean {
  return method === "CONNECT" ? status >= 200 && status < 300 : upgrade !== undefined && status === 101;
}
