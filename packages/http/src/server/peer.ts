import type { X509Certificate } from "node:crypto";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { canonicalAddress } from "@pagoda/core";
import type { Peer } from "../message.ts";
import { type SubjectAltNames, subjectAltNames } from "../subject-alt-names.ts";

/** Returns the peer of a socket, with its certificate only if that was verified. */
export function peerOf(socket: Socket | TLSSocket): Peer {
  const { remoteAddress = "" } = socket;
  // A socket that listens on `::` reports IPv4 addresses as `::ffff:192.0.2.1`.
  const address = canonicalAddress(remoteAddress) ?? remoteAddress;
  const port = socket.remotePort ?? 0;
  const certificate =
    "authorized" in socket && socket.authorized ? socket.getPeerX509Certificate() : undefined;
  if (certificate === undefined) return { address, port };
  const { uris, names, common } = subjectOf(certificate);
  return {
    address,
    port,
    certificate: {
      // RFC 4514 starts with the most specific part, a certificate with the least specific one.
      subject: certificate.subject.split("\n").toReversed().join(","),
      uris,
      names,
      sha256: certificate.fingerprint256.replaceAll(":", "").toLowerCase(),
    },
    identity: uris[0] ?? names[0] ?? common,
  };
}

/** The names of a certificate. */
export type Subject = SubjectAltNames & { readonly common: string | undefined };

export function subjectOf({ subject, subjectAltName }: X509Certificate): Subject {
  return { ...subjectAltNames(subjectAltName ?? ""), common: /^CN=(.+)$/m.exec(subject ?? "")?.[1] };
}
