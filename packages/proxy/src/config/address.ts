import { isIP, isIPv4, isIPv6 } from "node:net";
import { authorityOf } from "@pagoda/http/grammar";
import { canonicalAddress } from "@pagoda/core";

/** Where to listen. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

export const validAddress = "HOST:PORT or [IPV6]:PORT, with a port from 0 to 65535 (0: any free one)";

export function addressText({ host, port }: Address): string {
  return authorityOf(host, port);
}

export function parseAddress(text: string): Address | undefined {
  const [, ipv6, name = "", port] = /^(?:\[(.+)\]|([\w.-]+)):(\d{1,5})$/.exec(text) ?? [];
  const valid = ipv6 === undefined ? isHost(name) : isIPv6(ipv6);
  if (!valid || !(Number(port) <= 65_535)) return undefined;
  return { host: ipv6 === undefined ? name : sameHost(ipv6), port: Number(port) };
}

/** One address is written in one way, so that two listeners on it are found. A zone says which interface: it stays. */
function sameHost(ipv6: string): string {
  const canonical = ipv6.includes("%") ? undefined : canonicalAddress(ipv6);
  // An IPv4 address in IPv6 form stays as it is written: a socket for IPv6 is asked for.
  return canonical?.includes(":") === true ? canonical : ipv6;
}

/** A name, or an IPv4 address: what consists of numbers alone cannot be a name. */
function isHost(text: string): boolean {
  return isIPv4(text) || !/^[\d.]+$/.test(text);
}

export const validOrigin = "http://HOST:PORT or https://HOST:PORT, nothing after the port";

/** An origin in its normal form: `http://10.0.0.7:8080`. */
export function originOf(text: string): string | undefined {
  const url = URL.parse(text);
  const bare = url !== null && /^https?:\/\/[^/?#@\s]+\/?$/i.test(text);
  return bare && url.port !== "0" ? url.origin : undefined;
}

/** Whether a resolver takes it: an IP address, and where a port follows, IPv6 in brackets. */
export function isDnsServer(text: string): boolean {
  const address = parseAddress(text)?.host ?? text;
  return isIP(address) !== 0;
}
