import type { X509Certificate } from "node:crypto";
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Peer, PeerCertificate } from "../http/message.ts";
import { canonicalAddress } from "../ip/address.ts";

/** Who is at the other end; by its certificate only where that was verified. */
export function peerOf(socket: Socket | TLSSocket): Peer {
  const { remoteAddress = "" } = socket;
  // A socket that listens on `::` shows IPv4 addresses as `::ffff:192.0.2.1`.
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
      // RFC 4514 begins with what is most specific, a certificate with what is least.
      subject: certificate.subject.split("\n").toReversed().join(","),
      uris,
      names,
      sha256: certificate.fingerprint256.replaceAll(":", "").toLowerCase(),
    },
    identity: uris[0] ?? names[0] ?? common,
  };
}

/** Who a certificate is for. */
export type Subject = Pick<PeerCertificate, "uris" | "names"> & { readonly common: string | undefined };

export function subjectOf({ subject, subjectAltName }: X509Certificate): Subject {
  const entries = alternatives(subjectAltName ?? "");
  const of = (type: string): string[] =>
    entries.flatMap((entry) =>
      entry.startsWith(`${type}:`) ? [unquoted(entry.slice(type.length + 1))] : [],
    );
  return { uris: of("URI"), names: of("DNS"), common: /^CN=(.+)$/m.exec(subject ?? "")?.[1] };
}

/** `DNS:a.example, URI:"spiffe://…"`: Node writes as JSON what could be read otherwise. */
function alternatives(text: string): readonly string[] {
  return text.match(/[^,\s"][^,"]*(?:"(?:[^"\\]|\\.)*")?/g) ?? [];
}

function unquoted(text: string): string {
  return text.startsWith('"') ? (JSON.parse(text) as string) : text;
}
