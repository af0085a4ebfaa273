import { hostOf } from "@pagoda/core";

/**
 * A name or an address, with an optional port: nothing that two parsers could interpret
 * differently.
 */
const unambiguous = /^(?:\[[\dA-Fa-f:.]+\]|[\w-]+(?:\.[\w-]+)*\.?)(?::\d*)?$/;

/** Returns the host of an authority, normalized as in rules; `undefined` if it is ambiguous. */
export function unambiguousHost(authority: string): string | undefined {
  return unambiguous.test(authority) ? hostOf(authority) : undefined;
}
