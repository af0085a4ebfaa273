import type { Fault } from "@pagoda/core";

/** Why a token is refused. */
export type TokenReason =
  | "missing"
  | "malformed"
  | "tooLarge"
  | "algorithm"
  | "issuer"
  | "key"
  | "signature"
  | "expired"
  | "notYetValid"
  | "audience"
  | "claims";

/**
 * The request has no valid token. Answer with `status`, and `challenge` as `WWW-Authenticate`. No
 * part of the token is in it.
 */
export interface InvalidToken extends Fault<"InvalidToken"> {
  readonly origin: "local";
  readonly retryable: false;
  readonly reason: TokenReason;
  /** 400 for a request with several `Authorization` fields, otherwise 401 (RFC 6750, 3.1). */
  readonly status: 400 | 401;
  /** The value of `WWW-Authenticate`. */
  readonly challenge: string;
}

/**
 * The keys of the token's issuer have never been loaded, so nobody can tell whether it is valid.
 * Answer 503: with 401, clients would throw valid tokens away.
 */
export interface KeysUnavailable extends Fault<"KeysUnavailable"> {
  readonly origin: "local";
  readonly retryable: true;
  readonly issuer: string;
  readonly retryAfterMs: number;
}

/** Everything but quotes and backslashes, as RFC 6750 requires. */
const descriptions: Readonly<Record<Exclude<TokenReason, "missing">, string>> = {
  malformed: "the token is malformed",
  tooLarge: "the token is too large",
  algorithm: "the algorithm of the token is not accepted",
  issuer: "the issuer of the token is not trusted",
  key: "the token is signed with an unknown key",
  signature: "the signature of the token is wrong",
  expired: "the token has expired",
  notYetValid: "the token is not valid yet",
  audience: "the token is meant for another audience",
  claims: "the claims of the token are not accepted",
};

/** Makes the faults for requests without a valid token, one for each reason. */
export function refusals(realm: string): (reason: TokenReason, several?: boolean) => InvalidToken {
  const quoted = `Bearer realm="${realm.replaceAll(/["\\]/g, "\\$&")}"`;
  const fault = (reason: TokenReason, status: 400 | 401, challenge: string): InvalidToken => ({
    _tag: "InvalidToken",
    origin: "local",
    retryable: false,
    reason,
    status,
    challenge,
  });
  return (reason, several = false) => {
    // RFC 6750, 3.1: no error code if the request has no credentials.
    if (reason === "missing") return fault(reason, 401, quoted);
    const [status, error] = several ? ([400, "invalid_request"] as const) : ([401, "invalid_token"] as const);
    const description = several ? "several Authorization fields" : descriptions[reason];
    return fault(reason, status, `${quoted}, error="${error}", error_description="${description}"`);
  };
}
