import { isIP, isIPv4, isIPv6 } from "node:net";
import { z } from "zod";

/** Where to listen. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

export const validAddress = "HOST:PORT or [IPV6]:PORT, with a port from 0 to 65535 (0: any free one)";

export const address: z.ZodType<Address, string> = z.codec(
  z.string({ error: `valid is ${validAddress}` }),
  z.custom<Address>(),
  {
    decode: (text, context) => parseAddress(text) ?? invalid(text, context, validAddress),
    encode: addressText,
  },
);

export const validOrigin = "http://HOST:PORT or https://HOST:PORT, nothing after the port";

/** An origin in its normal form: `http://10.0.0.7:8080`. */
export const origin: z.ZodType<string, string> = z.codec(
  z.string({ error: `valid is ${validOrigin}` }),
  z.string(),
  { decode: (text, context) => originOf(text) ?? invalid(text, context, validOrigin), encode: (url) => url },
);

/** Whether a resolver takes it: an IP address, and where a port follows, IPv6 in brackets. */
export function isDnsServer(text: string): boolean {
  const address = parseAddress(text)?.host ?? text;
  return isIP(address) !== 0;
}

export function addressText({ host, port }: Address): string {
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

export function parseAddress(text: string): Address | undefined {
  const [, ipv6, name = "", port] = /^(?:\[(.+)\]|([\w.-]+)):(\d{1,5})$/.exec(text) ?? [];
  const valid = ipv6 === undefined ? isHost(name) : isIPv6(ipv6);
  return valid && Number(port) <= 65_535 ? { host: ipv6 ?? name, port: Number(port) } : undefined;
}

/** A name, or an IPv4 address: what consists of numbers alone cannot be a name. */
function isHost(text: string): boolean {
  return isIPv4(text) || !/^[\d.]+$/.test(text);
}

export function originOf(text: string): string | undefined {
  const url = URL.parse(text);
  const bare = url !== null && /^https?:\/\/[^/?#@\s]+\/?$/i.test(text);
  return bare && url.port !== "0" ? url.origin : undefined;
}

function invalid(input: string, { issues }: z.core.ParsePayload, valid: string): never {
  issues.push({ code: "custom", input, message: `valid is ${valid}` });
  return z.NEVER;
}
