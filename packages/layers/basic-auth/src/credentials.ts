import { isUtf8 } from "node:buffer";
import type { HttpHeaders } from "@pagoda/http";
import { hasAt } from "@pagoda/http/grammar";

/** What a client sends to identify itself. */
export interface Credentials {
  /** Without colons. */
  readonly name: string;
  readonly password: string;
}

/** Why a request has no usable credentials. */
export type NoCredentials = "missing" | "malformed";

/**
 * Parses `Authorization: Basic` (RFC 7617): the name and password in UTF-8, normalized to NFC, without
 * control characters. The field must occur once.
 */
export function credentialsIn(headers: HttpHeaders): Credentials | NoCredentials {
  const [value, ...more] = headers.all("authorization");
  if (value === undefined) return "missing";
  if (more.length > 0) return "malformed";
  // Another scheme, such as Bearer.
  if (!hasAt(value, 0, "basic ")) return "missing";
  const encoded = value.slice("basic ".length).trim();
  if (!base64.test(encoded)) return "malformed";
  const text = decoded(encoded)?.normalize("NFC");
  const colon = text?.indexOf(":") ?? -1;
  if (text === undefined || colon < 0 || control.test(text)) return "malformed";
  return { name: text.slice(0, colon), password: text.slice(colon + 1) };
}

const base64 = /^[A-Za-z0-9+/]+={0,2}$/;
// oxlint-disable-next-line no-control-regex
const control = /[\0-\x1f\x7f]/;

function decoded(encoded: string): string | undefined {
  const bytes = Buffer.from(encoded, "base64");
  return isUtf8(bytes) ? bytes.toString() : undefined;
}
