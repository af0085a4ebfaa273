import { addressGroup, ipv6ClientBits } from "@pagoda/core";
import type { FromClient, HttpRequest } from "@pagoda/http";
import type { Vocabulary } from "../schema/vocabulary.ts";

/** The client: its certificate's identity, otherwise its address. */
export function identityOf({ client }: FromClient): string {
  return client.identity ?? client.address;
}

/** How clients are distinguished. */
export type ClientBy = "address" | "identity" | { readonly header: string };

/** The fields of a policy with a limit for each client. */
export const perClient = ({ z, fields, text, whole, word }: Vocabulary) => ({
  by: z
    .union([word(["address", "identity"]), fields({ header: text.describe("Header field name.") })], {
      error: "must be address, identity, or { header: NAME }",
    })
    .default("address")
    .describe("What identifies a client: its address, the identity in its certificate, or a header."),
  ipv6Prefix: whole(1, 128)
    .default(ipv6ClientBits)
    .describe(
      "IPv6 addresses that share this many leading bits count as one client; a site usually has a whole /64.",
    ),
});

/**
 * The key of the limit that a call counts against. Without an identity or the header field it is
 * the address, so omitting them does not evade the limit.
 *
 * @param ipv6Bits How many bits of an IPv6 address identify a client.
 */
export function limitKey(by: ClientBy, ipv6Bits: number): (request: HttpRequest & FromClient) => string {
  const address = ({ client }: FromClient): string => addressGroup(client.address, ipv6Bits);
  if (by === "address") return address;
  if (by === "identity")
    return (request) => {
      const { identity } = request.client;
      return identity === undefined ? address(request) : marked(identity);
    };
  const { header } = by;
  return (request) => {
    const value = request.headers.get(header);
    // Long values would fill the memory.
    return value === undefined ? address(request) : marked(value.slice(0, 256));
  };
}

/**
 * Prefixed so that it differs from any address: otherwise a client could send another's address and
 * spend its limit.
 */
function marked(name: string): string {
  return `#${name}`;
}
