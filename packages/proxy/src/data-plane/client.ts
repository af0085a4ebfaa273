import { addressGroup } from "@pagoda/core";
import type { FromClient, HttpRequest } from "@pagoda/http";

/** Who asks: by its certificate where it showed one, or else its address. */
export function identityOf({ client }: FromClient): string {
  return client.identity ?? client.address;
}

/** What a client is told apart by. */
export type ClientBy = "address" | "identity" | { readonly header: string };

/**
 * Whose limit a call counts against. Without an identity, or without the field, it is the address that counts: leaving
 * it out must not be a way around the limit.
 *
 * @param ipv6Bits How many bits of an IPv6 address tell clients apart.
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

/** As no address is written: otherwise whoever sends the address of another would spend the limit of that one. */
function marked(name: string): string {
  return `#${name}`;
}
