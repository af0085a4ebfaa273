import { claimAt, type ClaimPath, type HttpRequest, type WithClaims } from "@pagoda/http";
import type { Vocabulary } from "../schema/vocabulary.ts";

/** A claim in settings: its name, or the names on the way to a nested one. */
export const claimPath = ({ z, text, some }: Vocabulary) =>
  z.union([text.min(1), some(text.min(1))], {
    error: "must be the name of a claim, or the list of names on the way to a nested one",
  });

/** The claims of a request; undefined if it has no token or no policy has verified one. */
export function claimsOf(request: HttpRequest): object | undefined {
  return (request as HttpRequest & Partial<WithClaims>).claims;
}

/**
 * The value of a claim as a text that is the same only for the same value of the same issuer: two
 * issuers may have given one subject to different people. Undefined if there is none.
 */
export function claimKey(request: HttpRequest, path: ClaimPath): string | undefined {
  const claims = claimsOf(request);
  const value = claimAt(claims, path);
  return value === undefined || value === null ? undefined : JSON.stringify([claimAt(claims, "iss"), value]);
}
