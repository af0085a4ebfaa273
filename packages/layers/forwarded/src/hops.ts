import { hopAddress } from "@pagoda/core";
import type { Client, HttpRequest, Peer } from "@pagoda/http";

/** What a trusted peer says of the hops before it. */
export interface Hops {
  readonly client: Client;
  /** The value of `X-Forwarded-For`, with canonical addresses; empty where there is none. */
  readonly before: string;
}

/**
 * Walks `X-Forwarded-For` from the right, each hop having vouched for the one before it, until an address that is not
 * trusted: that is the client. An entry that is not an address ends the walk at the hop that wrote it, as in nginx's
 * realip module: what stands further left was not vouched for by anybody who can be named. Empty entries do not count
 * (RFC 9110, 5.6.1).
 *
 * A trusted peer that forwards for nobody is the client itself. The identity in its certificate is then the client's;
 * in all other cases it is not.
 */
export function hopsOf({ headers }: HttpRequest, peer: Peer, trust: (address: string) => boolean): Hops {
  const values = headers.all("x-forwarded-for");
  if (values.length === 0) return { client: peer, before: "" };
  let client: Client | undefined;
  let address = peer.address;
  const entries = values.join(",").split(",");
  let before = "";
  for (let at = entries.length - 1; at >= 0; at--) {
    const entry = (entries[at] as string).trim();
    if (entry === "") continue;
    const hop = hopAddress(entry);
    before = before === "" ? (hop ?? entry) : `${hop ?? entry}, ${before}`;
    if (client !== undefined) continue;
    if (hop === undefined) client = { address };
    else {
      address = hop;
      if (!trust(hop)) client = { address };
    }
  }
  if (before === "") return { client: peer, before };
  return { client: client ?? { address }, before };
}
