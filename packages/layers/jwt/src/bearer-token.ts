import type { HttpHeaders } from "@pagoda/http";
import { hasAt } from "@pagoda/http/grammar";

/** Why a request has no token that could be verified. */
export type NoToken = "missing" | "malformed" | "tooLarge" | "several";

/** Three parts in base64url, the last of which is empty in a token without a signature. */
const compact = /^[\w-]+\.[\w-]+\.[\w-]*$/;

/** Returns the token of `Authorization: Bearer` (RFC 6750, 2.1). The field must occur once. */
export function bearerToken(headers: HttpHeaders, maxBytes: number): { readonly token: string } | NoToken {
  const [value, ...more] = headers.all("authorization");
  if (value === undefined) return "missing";
  if (more.length > 0) return "several";
  // Another scheme, such as Basic.
  if (!hasAt(value, 0, "bearer ")) return "missing";
  const token = value.slice("bearer ".length).trim();
  if (token.length > maxBytes) return "tooLarge";
  return compact.test(token) ? { token } : "malformed";
}
