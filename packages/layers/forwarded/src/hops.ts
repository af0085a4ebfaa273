import { hopAddress } from "@pagoda/core";
import type { Client, HttpRequest, Peer } from "@pagoda/http";

/** The hops before a trusted peer. */
export interface Hops {
  readonly client: Client;
  /** The value of `X-Forwarded-For` with canonical addresses; empty if there is none. */
  readonly before: string;
}

/**
 * Walks `X-Forwarded-For` from the right until an untrusted address, which is the client: each hop
 * vouches for the one before it. An entry that is not an address ends the walk at the hop that
 * wrote it, as in nginx's realip module, since no known hop vouches for what is further left. Empty
 * entries are skipped (RFC 9110, 5.6.1).
 *
 * A trusted peer without `X-Forwarded-For` is the client itself. Only then is the identity in its
 * certificate the client's.
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
