import { checkNumber, checkOneOf, checkOption, rangeError } from "@pagoda/core";
import type { KeySet } from "./key-set.ts";

/**
 * Signature algorithms of tokens, all with public keys. `none` and those with a shared secret
 * (`HS256`) are not among them, so that a public key can never be taken for such a secret.
 */
export const tokenAlgorithms = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
] as const;

export type TokenAlgorithm = (typeof tokenAlgorithms)[number];

/** An issuer whose tokens are accepted. */
export interface Issuer {
  /** The claim `iss` of its tokens, compared exactly. */
  readonly issuer: string;
  /**
   * The claim `aud` of a token must contain one of them. `any` also accepts tokens that were issued
   * for other services, whose operators can then use them here.
   */
  readonly audiences: readonly string[] | "any";
  /** Its public keys. */
  readonly keys: KeySet;
  /** Accepted signature algorithms. Default: all of {@link tokenAlgorithms}. */
  readonly algorithms?: readonly TokenAlgorithm[];
  /** How far its clock may be off, in milliseconds: 0 to 300,000. Default 30,000. */
  readonly clockSkewMs?: number;
}

/** Returns the issuers by name. Throws RangeError if one of them is invalid. */
export function issuersByName(issuers: readonly Issuer[]): ReadonlyMap<string, Required<Issuer>> {
  checkOption("jwt: issuers", issuers, issuers.length > 0, "a list with at least one issuer");
  const byName = new Map<string, Required<Issuer>>();
  issuers.forEach((each, n) => {
    const at = `jwt: issuers[${n}]`;
    const { issuer, audiences, algorithms = tokenAlgorithms, clockSkewMs = 30_000 } = each;
    checkOption(`${at}.issuer`, issuer, issuer !== "", "the name of an issuer");
    if (byName.has(issuer)) throw rangeError(`${at}.issuer`, "another than those before", issuer);
    checkOption(
      `${at}.audiences`,
      audiences,
      audiences === "any" || (audiences.length > 0 && !audiences.includes("")),
      '"any", or a list with at least one audience',
    );
    checkOption(`${at}.algorithms`, algorithms, algorithms.length > 0, "a list with at least one algorithm");
    for (const algorithm of algorithms) checkOneOf(`${at}.algorithms`, algorithm, tokenAlgorithms);
    checkNumber(`${at}.clockSkewMs`, clockSkewMs, { min: 0, max: 300_000 });
    byName.set(issuer, { ...each, algorithms, clockSkewMs });
  });
  return byName;
}
