import type { PeerCertificate } from "@pagoda/http";

/**
 * A certificate in the form of Envoy's `X-Forwarded-Client-Cert`: its SHA-256, its subject, and its names.
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

/** What has a delimiter in it stands in quotes. */
function plain(text: string): string {
  return /[",;=\\]/.test(text) ? quoted(text) : ascii(text);
}

function quoted(text: string): string {
  return `"${ascii(text).replaceAll(/["\\]/g, "\\$&")}"`;
}

/** A field's value can carry no more than this. */
function ascii(text: string): string {
  return text.toWellFormed().replaceAll(/[^ -~]/gu, (character) => encodeURIComponent(character));
}
