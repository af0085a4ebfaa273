import type { PeerCertificate } from "@pagoda/http";

/**
 * Formats a certificate as in Envoy's `X-Forwarded-Client-Cert`: SHA-256 hash, subject, and
 * alternative names.
 *
 * Source: Envoy's documentation of HTTP header manipulation.
 */
export function clientCertificate({ sha256, subject, uris, names }: PeerCertificate): string {
  const parts = [
    `Hash=${sha256}`,
    ...(subject === "" ? [] : [`Subject=${quoted(subject)}`]),
    ...uris.map((uri) => `URI=${plain(uri)}`),
    ...names.map((name) => `DNS=${plain(name)}`),
  ];
  return parts.join(";");
}

/** Quotes a value only if it contains a delimiter. */
function plain(text: string): string {
  return /[",;=\\]/.test(text) ? quoted(text) : ascii(text);
}

function quoted(text: string): string {
  return `"${ascii(text).replaceAll(/["\\]/g, "\\$&")}"`;
}

/** Percent-encodes everything but visible ASCII and spaces, which header values are limited to. */
function ascii(text: string): string {
  return text.toWellFormed().replaceAll(/[^ -~]/gu, (character) => encodeURIComponent(character));
}
