import { addressGroup, checkInteger, ipv6ClientBits } from "@pagoda/core";
import type { FromClient } from "@pagoda/http";

/**
 * The key of a limit for each client: its IPv4 address, or the /64 network of its IPv6 address, all of whose addresses
 * usually belong to one client. The layer then needs a request that says who asks: where none does, the stack does not
 * compile. `@pagoda/forwarded` adds it.
 */
export const byClient: (request: FromClient) => string = byClientNetwork(ipv6ClientBits);

/**
 * Like {@link byClient}, with another length of IPv6 networks: 56 or 48 where providers give such networks to each
 * customer, 128 to count each address by itself.
 *
 * @throws RangeError when the length is not an integer from 1 to 128.
 */
export function byClientNetwork(ipv6Bits: number): (request: FromClient) => string {
  checkInteger("rate-limit: ipv6Bits", ipv6Bits, { min: 1, max: 128 });
  return ({ client }) => addressGroup(client.address, ipv6Bits);
}
