import { addressGroup, checkInteger, type FromClient, ipv6ClientBits } from "@pagoda/core";

/**
 * Key for a limit per client: its IPv4 address, or the /64 network of its IPv6 address, which
 * usually belongs to one client. Requires a request with a `client`, which `@pagoda/forwarded`
 * adds. Without it the stack does not compile.
 */
export const byClient: (request: FromClient) => string = byClientNetwork(ipv6ClientBits);

/**
 * Like {@link byClient} with another IPv6 prefix length: 56 or 48 if providers assign such networks
 * to customers, 128 to limit each address.
 *
 * @throws RangeError if the length is not an integer from 1 to 128.
 */
export function byClientNetwork(ipv6Bits: number): (request: FromClient) => string {
  checkInteger("rate-limit: ipv6Bits", ipv6Bits, { min: 1, max: 128 });
  return ({ client }) => addressGroup(client.address, ipv6Bits);
}
