import { BlockList, isIPv6 } from "node:net";
import type { FromClient, HttpRequest } from "@pagoda/core/http";

/** Who asks: by its certificate where it showed one, or else its address. */
export function identityOf({ peer, client }: HttpRequest & FromClient): string {
  return peer?.identity ?? client;
}

/** Whether an address is among addresses and networks (`10.0.0.0/8`). */
export function amongNetworks(networks: readonly string[]): (address: string) => boolean {
  if (networks.length === 0) return () => false;
  const list = new BlockList();
  for (const network of networks) {
    const [address, bits] = network.split("/") as [string, string?];
    const family = isIPv6(address) ? "ipv6" : "ipv4";
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return (address) => list.check(address, isIPv6(address) ? "ipv6" : "ipv4");
}
