/**
 * A request with the claims of a verified token: what its issuer says about the sender. Added by a
 * layer that verifies tokens, such as `@pagoda/jwt`; rules and limits may read it.
 *
 * @typeParam C The claims; with `undefined`, requests without a token are let through.
 */
export interface WithClaims<out C extends object | undefined = object | undefined> {
  readonly claims: C;
}

/**
 * A claim: its name, or the names on the way to a nested one. A name may contain dots, as that of
 * `https://shop.example/roles` does, so it is never split.
 */
export type ClaimPath = string | readonly string[];

/** Returns the value of a claim; `undefined` if there is none. */
export function claimAt(claims: object | undefined, path: ClaimPath): unknown {
  let value: unknown = claims;
  for (const name of typeof path === "string" ? [path] : path) {
    // An inherited property, such as `constructor`, is not a claim.
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[name];
  }
  return value;
}
