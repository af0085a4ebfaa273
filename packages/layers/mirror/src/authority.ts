import { splitAuthority } from "@pagoda/http/grammar";

/**
 * Appends `-shadow` to the host of an authority, as Envoy does to mark mirrored calls in logs:
 * `shop.example:80` becomes `shop.example-shadow:80`. IP addresses stay unchanged.
 *
 * Not a default, because a shadow that selects a virtual host by name must know the marked name. To
 * use it, put
 * `.adapt(mapRequest((request) => ({ ...request, authority: shadowAuthority(request.authority) })))`
 * in front of the shadow.
 */
export function shadowAuthority(authority: string): string {
  const { host } = splitAuthority(authority);
  const isAddress = host === "" || host.startsWith("[") || /^[\d.]+$/.test(host);
  return isAddress ? authority : `${host}-shadow${authority.slice(host.length)}`;
}
