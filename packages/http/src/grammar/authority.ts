/** `uri-host [ ":" port ]` of RFC 9110, 7.2, with a host; every alternative is told by its first character. */
const authority = /^(?:\[[0-9A-Fa-f:.]+\]|[\w\-.~%!$&'()*+,;=]+)(?::\d*)?$/;
const endsInPort = /:\d{1,5}$/;

/** Whether a text is a host, with or without a port. */
export function isAuthority(text: string): boolean {
  return authority.test(text);
}

/** Whether a text is a host with a port, the target of a CONNECT (RFC 9112, 3.2.3). */
export function isHostAndPort(text: string): boolean {
  return isAuthority(text) && endsInPort.test(text);
}
