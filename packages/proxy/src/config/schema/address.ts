import { z } from "zod";
import {
  type Address,
  addressText,
  originOf,
  parseAddress,
  proxyOf,
  serverOf,
  validAddress,
  validOrigin,
  validProxy,
  validServer,
} from "../address.ts";
import { bare } from "../../schema/secrets.ts";

export const address: z.ZodType<Address, string> = z.codec(
  z.string({ error: `must be ${validAddress}` }),
  z.custom<Address>(),
  {
    decode: (text, context) => parseAddress(text) ?? invalid(text, context, validAddress),
    encode: addressText,
  },
);

/** An origin in its normal form. An invalid one may contain a password. */
export const origin: z.ZodType<string, string> = z.codec(
  bare(z.string({ error: `must be ${validOrigin}` })),
  z.string(),
  { decode: (text, context) => originOf(text) ?? invalid(text, context, validOrigin), encode: (url) => url },
);

/** A server that may listen on a unix socket, too. */
export const server: z.ZodType<string, string> = z.codec(
  bare(z.string({ error: `must be ${validServer}` })),
  z.string(),
  { decode: (text, context) => serverOf(text) ?? invalid(text, context, validServer), encode: (url) => url },
);

/** The URL of an HTTP proxy, which may contain a password. */
export const proxy: z.ZodType<string, string> = z.codec(
  bare(z.string({ error: `must be ${validProxy}` })),
  z.string(),
  { decode: (text, context) => proxyOf(text) ?? invalid(text, context, validProxy), encode: (url) => url },
);

function invalid(input: string, { issues }: z.core.ParsePayload, valid: string): never {
  issues.push({ code: "custom", input, message: `must be ${valid}` });
  return z.NEVER;
}
