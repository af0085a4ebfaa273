import { canonicalAddress } from "./address.ts";

/**
 * Returns the host of an authority (`Host`, `:authority`) in the form in which hosts are compared:
 * lower case, without port and trailing dot. An IPv6 address is canonical and in brackets; an
 * IPv4-mapped one becomes the IPv4 address.
 *
 * It does not validate its input. Cost: about 20 ns if nothing has to change, 500 ns for an IPv6
 * address.
 *
 * @example hostOf("[2001:DB8:0::1]:443") // "[2001:db8::1]"
 */
export function hostOf(authority: string): string {
  if (isPlain(authority)) return authority;
  if (authority.startsWith("[")) return bracketed(authority.slice(1, authority.lastIndexOf("]")));
  const end = authority.indexOf(":");
  const host = end > 0 ? authority.slice(0, end) : authority;
  return (host.endsWith(".") ? host.slice(0, -1) : host).toLowerCase();
}

function isPlain(authority: string): boolean {
  for (let at = 0; at < authority.length; at++) {
    const code = authority.charCodeAt(at);
    // An upper-case letter, a colon, a bracket.
    if ((code >= 0x41 && code <= 0x5b) || code === 0x3a) return false;
  }
  return authority.charCodeAt(authority.length - 1) !== 0x2e;
}

function bracketed(text: string): string {
  const address = text.includes(":") ? canonicalAddress(text) : undefined;
  if (address === undefined) return `[${text.toLowerCase()}]`;
  return address.includes(":") ? `[${address}]` : address;
}
