import { hostOf } from "@pagoda/core";

/** A name or an address, and a port: nothing that one reader could take for a name and another for something else. */
const readable = /^(?:\[[\dA-Fa-f:.]+\]|[\w-]+(?:\.[\w-]+)*\.?)(?::\d*)?$/;

/** The host of an authority as rules name it; `undefined`: it could be read in several ways. */
export function readableHost(authority: string): string | undefined {
  return readable.test(authority) ? hostOf(authority) : undefined;
}
