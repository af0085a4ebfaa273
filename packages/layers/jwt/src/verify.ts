import { type Clock, type Either, left, right } from "@pagoda/core";
import type { errors, JWTPayload } from "jose";
import type { TokenReason } from "./faults.ts";
import type { Issuer, TokenAlgorithm } from "./issuer.ts";
import { jose, type Jose } from "./jose.ts";

/** A valid token. */
export interface VerifiedToken {
  readonly claims: JWTPayload;
  /** How long it is still valid. */
  readonly validMs: number;
}

/** Why a token could not be verified: a reason to refuse it, or an issuer whose keys are unknown. */
export type NotVerified = TokenReason | Required<Issuer>;

/**
 * Verifies a token with the keys of its issuer. What can be judged without a signature is judged
 * first, so that a made-up token costs little.
 */
export async function verify(
  token: string,
  issuers: ReadonlyMap<string, Required<Issuer>>,
  clock: Clock,
): Promise<Either<NotVerified, VerifiedToken>> {
  const library = await jose();
  const head = headOf(token, library);
  if (head === undefined) return left("malformed");
  const { alg, kid, iss } = head;
  const issuer = issuers.get(iss);
  if (issuer === undefined) return left("issuer");
  if (!issuer.algorithms.includes(alg as TokenAlgorithm)) return left("algorithm");
  const keys = await issuer.keys.find({ alg, ...(kid !== undefined && { kid }) });
  if (keys === undefined) return left(issuer);
  const { audiences, algorithms, clockSkewMs } = issuer;
  const now = clock.wallTime();
  const options = {
    issuer: iss,
    ...(audiences !== "any" && { audience: [...audiences] }),
    algorithms: [...algorithms],
    clockTolerance: clockSkewMs / 1_000,
    currentDate: new Date(now),
    // One that never expires could not be taken back.
    requiredClaims: ["exp"],
  };
  let reason: TokenReason = "key";
  for (const key of keys) {
    try {
      const { payload } = await library.jwtVerify(token, key, options);
      return right({ claims: payload, validMs: (payload.exp as number) * 1_000 + clockSkewMs - now });
    } catch (error) {
      reason = reasonOf(error);
      // Several keys may have no `kid`.
      if (reason !== "signature" && reason !== "key") break;
    }
  }
  return left(reason);
}

interface Head {
  readonly alg: string;
  readonly kid: string | undefined;
  readonly iss: string;
}

function headOf(token: string, { decodeProtectedHeader, decodeJwt }: Jose): Head | undefined {
  try {
    const { alg, kid } = decodeProtectedHeader(token);
    const { iss } = decodeJwt(token);
    if (typeof alg !== "string" || typeof iss !== "string") return undefined;
    return kid === undefined || typeof kid === "string" ? { alg, kid, iss } : undefined;
  } catch {
    return undefined;
  }
}

/** By their codes, since there may be several copies of the library. */
function reasonOf(error: unknown): TokenReason {
  const { code, claim, reason } = Object(error) as Partial<errors.JWTClaimValidationFailed>;
  switch (code) {
    case "ERR_JWS_SIGNATURE_VERIFICATION_FAILED":
      return "signature";
    case "ERR_JWT_EXPIRED":
      return "expired";
    case "ERR_JOSE_ALG_NOT_ALLOWED":
      return "algorithm";
    case "ERR_JWT_CLAIM_VALIDATION_FAILED":
      if (claim === "aud") return "audience";
      return claim === "nbf" && reason === "check_failed" ? "notYetValid" : "malformed";
    case undefined:
      // The key is not suited: too short, for example.
      return "key";
    default:
      // A critical header parameter that is not known, or another format.
      return "malformed";
  }
}
