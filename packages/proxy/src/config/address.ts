import { isIP, isIPv4, isIPv6 } from "node:net";
import { authorityOf } from "@pagoda/http/grammar";
import { canonicalAddress } from "@pagoda/core";

/** An address to listen on. */
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

/**
 * Normalizes an address, so that duplicate listeners are detected. A zone selects an interface, so
 * it is kept.
 */
function sameHost(ipv6: string): string {
  const canonical = ipv6.includes("%") ? undefined : canonicalAddress(ipv6);
  // An IPv4-mapped IPv6 address is kept as written: it asks for an IPv6 socket.
  return canonical?.includes(":") === true ? canonical : ipv6;
}

/** A name or an IPv4 address; a name cannot consist of numbers alone. */
function isHost(text: string): boolean {
  return isIPv4(text) || !/^[\d.]+$/.test(text);
}

export const validOrigin = "http://HOST:PORT or https://HOST:PORT, without a path";

/** Whether the host of a URL is a name that DNS resolves, other than this machine's own. */
export function isName(hostname: string): boolean {
  return isIP(hostname) === 0 && !hostname.startsWith("[") && hostname !== "localhost";
}

/** An origin in its normal form: `http://10.0.0.7:8080`. */
export function originOf(text: string): string | undefined {
  const url = URL.parse(text);
  const bare = url !== null && /^https?:\/\/[^/?#@\s]+\/?$/i.test(text);
  return bare && url.port !== "0" ? url.origin : undefined;
}

export const validServer = "https://HOST:PORT, http://HOST:PORT or unix:///PATH";

/** An origin, or the path of a unix socket: `unix:///run/spire/sockets/agent.sock`. */
export function serverOf(text: string): string | undefined {
  return /^unix:\/\/\/[^?#\s]+$/.test(text) ? text : originOf(text);
}

export const validProxy = "http://HOST:PORT or https://HOST:PORT, with USER:PASSWORD@ if it asks for them";

/** The URL of a proxy, which may contain credentials, in its normal form without a path. */
export function proxyOf(text: string): string | undefined {
  const url = URL.parse(text);
  if (url === null || !/^https?:\/\/[^/?#\s]+\/?$/i.test(text) || url.port === "0") return undefined;
  // Only the password may be missing, or both.
  if (url.username === "" && url.password !== "") return undefined;
  try {
    decodeURIComponent(url.username + url.password);
  } catch {
    return undefined;
  }
  return url.href.slice(0, -1);
}

export const validRedisUrl = "redis://HOST:PORT or rediss://HOST:PORT, with at most a database as path";

export function isRedisUrl(text: string): boolean {
  const url = URL.parse(text);
  const isRedis = url?.protocol === "redis:" || url?.protocol === "rediss:";
  return isRedis && url.hostname !== "" && /^\/?\d*$/.test(url.pathname) && url.search + url.hash === "";
}

/** Whether the resolver accepts it: an IP address, with IPv6 in brackets if a port follows. */
export function isDnsServer(text: string): boolean {
  const address = parseAddress(text)?.host ?? text;
  return isIP(address) !== 0;
}
