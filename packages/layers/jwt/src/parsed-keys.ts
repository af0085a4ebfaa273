import { notShown, rangeError } from "@pagoda/core";
import type { CryptoKey, errors, JWK, JWSHeaderParameters } from "jose";
import { jose, type Jose } from "./jose.ts";

/** The part of a token's header that selects its key. */
export type KeyHeader = Pick<JWSHeaderParameters, "alg" | "kid">;

/** A loaded set of keys. */
export interface ParsedKeys {
  readonly size: number;
  find(header: KeyHeader): Promise<readonly CryptoKey[]>;
}

/** More keys than any issuer publishes. Each of several without a `kid` may have to be tried. */
const maxKeys = 100;

/** Public keys: a shared secret (`oct`) would let everyone who verifies tokens make them, too. */
const keyTypes: ReadonlySet<unknown> = new Set(["RSA", "EC", "OKP"]);

/** What {@link keysProblem} and the errors of key sets say. */
const validKeys = "a JSON Web Key Set with at least one public key for signatures";

/**
 * Parses a JSON Web Key Set. Keys that are of no use here are left out: for encryption, of unknown
 * types, and private ones.
 *
 * @param jwks Text, or parsed JSON.
 * @throws RangeError when no key remains.
 */
export function parsedKeys(jwks: unknown): ParsedKeys {
  const usable = usableKeys(jwks);
  if (usable.length === 0 || usable.length > maxKeys) throw rangeError("keys", validKeys, notShown);
  let find: ReturnType<Jose["createLocalJWKSet"]> | undefined;
  return {
    size: usable.length,
    async find({ alg, kid }) {
      find ??= (await jose()).createLocalJWKSet({ keys: [...usable] });
      try {
        return [
          await find({ ...(alg !== undefined && { alg }), ...(kid !== undefined && { kid }) } as never),
        ];
      } catch (error) {
        const several = error as errors.JWKSMultipleMatchingKeys;
        if (several.code !== "ERR_JWKS_MULTIPLE_MATCHING_KEYS") return [];
        const keys: CryptoKey[] = [];
        for await (const key of several) keys.push(key);
        return keys;
      }
    },
  };
}

/** What is wrong with a JSON Web Key Set; `undefined` if nothing is. */
export function keysProblem(jwks: unknown): string | undefined {
  const { length } = usableKeys(jwks);
  return length === 0 || length > maxKeys ? `must be ${validKeys}` : undefined;
}

function usableKeys(jwks: unknown): readonly JWK[] {
  const { keys } = Object(typeof jwks === "string" ? jsonIn(jwks) : jwks) as { readonly keys?: unknown };
  if (!Array.isArray(keys)) return [];
  return keys.filter((key: unknown) => {
    const { kty, use = "sig", d } = Object(key) as Partial<JWK>;
    return keyTypes.has(kty) && use === "sig" && d === undefined;
  }) as JWK[];
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
