import type { RecordedFault } from "./call-record.ts";

/** What Node and OpenSSL report of a handshake with an origin, and what to do about it; the first applies. */
const hints: readonly (readonly [code: RegExp, hint: string])[] = [
  [
    /ALTNAME_INVALID|HOSTNAME_MISMATCH/,
    "the origin's certificate is for another name: `tls.servername` of the cluster sets the name to expect, `tls.sans` the identities to accept; otherwise the origin needs a certificate that names the endpoint's host",
  ],
  [
    /^CERT_HAS_EXPIRED$/,
    "the origin's certificate, or one of the authorities above it, has expired: renew it, or set the clock of this machine",
  ],
  [
    /^CERT_NOT_YET_VALID$/,
    "the origin's certificate, or one of the authorities above it, is not valid yet: compare the clocks of both machines",
  ],
  [
    /SELF_SIGNED|^UNABLE_TO_(?:VERIFY|GET_ISSUER)|^CERT_UNTRUSTED$/,
    "the proxy does not trust who issued the origin's certificate: `tls.ca` of the cluster names the authorities to trust, and the origin must send the certificates between",
  ],
  [
    /ALERT_(?:BAD_CERTIFICATE|UNKNOWN_CA|CERTIFICATE_|HANDSHAKE_FAILURE)/,
    "the origin refused the handshake, for example because it wants a client certificate: see `tls.certificate` and `tls.key` of the cluster",
  ],
  [
    /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST/,
    "the origin does not speak TLS at this port: an endpoint with `http://` is called without",
  ],
  [
    /UNSUPPORTED_PROTOCOL|PROTOCOL_VERSION|NO_PROTOCOLS/,
    "the origin and the proxy have no TLS version in common: the proxy offers 1.2 and 1.3",
  ],
  [/CERT/, "the proxy does not accept the origin's certificate: see `tls` of the cluster"],
];

/** What to do about a TLS handshake with an origin that failed; undefined for any other error. */
export function tlsHint({ facts: { code } }: RecordedFault): string | undefined {
  if (typeof code !== "string") return undefined;
  return hints.find(([codes]) => codes.test(code))?.[1];
}
