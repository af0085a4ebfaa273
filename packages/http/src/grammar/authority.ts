/**
 * `uri-host [ ":" port ]` (RFC 9110, 7.2) with a non-empty host. The first character decides
 * between the alternatives.
 */
const authority = /^(?:\[[0-9A-Fa-f:.]+\]|[\w\-.~%!$&'()*+,;=]+)(?::\d*)?$/;
const endsInPort = /:\d{1,5}$/;

/** Whether a text is a host, with or without a port. */
export function isAuthority(text: string): boolean {
  return authority.test(text);
}

/** Whether a text is a host with a port, as in the target of CONNECT (RFC 9112, 3.2.3). */
export function isHostAndPort(text: string): boolean {
  return isAuthority(text) && endsInPort.test(text);
}

/** Host and port of an authority, as they are written. The brackets of an IPv6 address stay with the host. */
export function splitAuthority(text: string): { readonly host: string; readonly port: string | undefined } {
  const colon = text.lastIndexOf(":");
  if (colon <= text.lastIndexOf("]")) return { host: text, port: undefined };
  return { host: text.slice(0, colon), port: text.slice(colon + 1) };
}

/** A host as sockets and resolvers take it: an IPv6 address without brackets. */
export function socketHost(host: string): string {
  return host.startsWith("[") && host.endsWith("]") ? host.slice(1, -1) : host;
}

/** The authority of a socket's address: an IPv6 address gets brackets. */
export function authorityOf(host: string, port: number): string {
  return `${host.includes(":") ? `[${host}]` : host}:${port}`;
}
