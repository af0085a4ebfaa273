import { addressGroup, ipv6ClientBits } from "@pagoda/core";
import type { ClaimPath, FromClient, HttpRequest } from "@pagoda/http";
import { checkField, type Path } from "../schema/report.ts";
import type { Vocabulary } from "../schema/vocabulary.ts";
import { claimKey, claimPath } from "./claims.ts";
import type { Checking } from "./policy.ts";

/** The client: its certificate's identity, otherwise its address. */
export function identityOf({ client }: FromClient): string {
  return client.identity ?? client.address;
}

/** How clients are distinguished. */
export type ClientBy = "address" | "identity" | { readonly header: string } | { readonly claim: ClaimPath };

/** The fields of a policy with a limit for each client. */
export const perClient = (words: Vocabulary) => {
  const { z, fields, text, whole, word } = words;
  return {
    by: z
      .union(
        [
          word(["address", "identity"]),
          fields({ header: text.describe("Header field name.") }),
          fields({
            claim: claimPath(words).describe(
              "Claim of the token that `jwt` verifies, such as `sub`, or the list of names on the way to a nested one. Values of different issuers differ.",
            ),
          }),
        ],
        { error: "must be address, identity, { header: NAME } or { claim: NAME }" },
      )
      .default("address")
      .describe(
        "What identifies a client: its address, the identity in its certificate, a header, or a claim of its token.",
      ),
    ipv6Prefix: whole(1, 128)
      .default(ipv6ClientBits)
      .describe(
        "IPv6 addresses that share this many leading bits count as one client; a site usually has a whole /64.",
      ),
  };
};

/** Checks what identifies a client beyond its schema. */
export function checkBy(
  path: Path,
  by: ClientBy,
  { report, needsIdentities, needsClaims }: Pick<Checking, "report" | "needsIdentities" | "needsClaims">,
): void {
  if (by === "identity") needsIdentities(path);
  if (typeof by !== "object") return;
  if ("header" in by) checkField([...path, "header"], by.header, report);
  else needsClaims([...path, "claim"]);
}

/**
 * The key of the limit that a call counts against. Without an identity, the header field or the claim
 * it is the address, so omitting them does not evade the limit.
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
  if ("claim" in by) {
    const { claim } = by;
    return (request) => {
      const key = claimKey(request, claim);
      return key === undefined ? address(request) : marked(key.slice(0, 512));
    };
  }
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
