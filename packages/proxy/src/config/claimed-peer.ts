import type { Peer } from "@pagoda/http";

/** A peer with an identity that nobody verifies, for requests that are only thought of. */
export function claimedPeer(address: string, identity: string | undefined): Peer {
  if (identity === undefined) return { address, port: 0 };
  const isUri = identity.includes("://");
  const certificate = {
    subject: "",
    uris: isUri ? [identity] : [],
    names: isUri ? [] : [identity],
    sha256: "",
  };
  return { address, port: 0, identity, certificate };
}
