export type { InvalidToken, KeysUnavailable, TokenReason } from "./faults.ts";
export * from "./fetched-keys.ts";
export { type Issuer, type TokenAlgorithm, tokenAlgorithms } from "./issuer.ts";
export * from "./jwt.ts";
export * from "./jwt-claims.ts";
export * from "./key-set.ts";
export { type KeyHeader, keysProblem } from "./parsed-keys.ts";
export { TokenCache } from "./token-cache.ts";
