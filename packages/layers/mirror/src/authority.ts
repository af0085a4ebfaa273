/**
 * An authority with `-shadow` after its host, as Envoy marks the calls that it mirrors, so that they can be told in logs:
 * `shop.example:80` becomes `shop.example-shadow:80`. An IP address stays as it is: it has no name to be marked.
 *
 * A shadow that chooses a site by its host does not know that name. So it is no default: where it is wanted it stands in
 * front of the shadow, `.adapt(mapRequest((request) => ({ ...request, authority: shadowAuthority(request.authority) })))`.
 */
export function shadowAuthority(authority: string): string {
  const colon = authority.lastIndexOf(":");
  const hasPort = colon > authority.lastIndexOf("]");
  const host = hasPort ? authority.slice(0, colon) : authority;
  const isAddress = host === "" || host.startsWith("[") || /^[\d.]+$/.test(host);
  return isAddress ? authority : `${host}-shadow${hasPort ? authority.slice(colon) : ""}`;
}
