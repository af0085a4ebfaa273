import { hash } from "node:crypto";
import { checkInteger } from "@pagoda/core";
import type { JwtClaims } from "./jwt-claims.ts";

/** What is remembered of a verified token. */
export interface KnownToken {
  /** What `parse` has made of its claims. */
  readonly claims: object;
  readonly all: JwtClaims;
}

interface Entry {
  readonly token: KnownToken;
  /** On the clock's `now()`. */
  readonly untilMs: number;
}

/** Returns a digest of a token, which identifies the token without containing it. */
export function digestOf(token: string): string {
  return hash("sha256", token, "base64");
}

/** How long a verified token is remembered, at most: a key that is withdrawn is trusted as long. */
const maxAgeMs = 60_000;

/**
 * Remembers verified tokens by their digests, each until it expires and for at most 60 s. If it is
 * full, it forgets the token that was verified first, which costs another verification and nothing
 * else.
 *
 * Layers may share one if they accept the same tokens, such as those of a configuration before and
 * after a reload.
 */
export class TokenCache {
  readonly #entries = new Map<string, Entry>();
  readonly #maxTokens: number;

  /**
   * @param maxTokens 0 to 1,000,000. Default 10,000.
   * @throws RangeError when it is out of range.
   */
  constructor(maxTokens: number = 10_000) {
    checkInteger("TokenCache: maxTokens", maxTokens, { min: 0, max: 1_000_000 });
    this.#maxTokens = maxTokens;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** @internal */
  get(digest: string, nowMs: number): KnownToken | undefined {
    const entry = this.#entries.get(digest);
    if (entry === undefined) return undefined;
    if (nowMs < entry.untilMs) return entry.token;
    this.#entries.delete(digest);
    return undefined;
  }

  /**
   * @internal
   * @param validMs How long the token is still valid.
   */
  add(digest: string, token: KnownToken, nowMs: number, validMs: number): void {
    const ageMs = Math.min(validMs, maxAgeMs);
    if (ageMs <= 0) return;
    // Last in the order of insertion.
    this.#entries.delete(digest);
    this.#entries.set(digest, { token, untilMs: nowMs + ageMs });
    if (this.#entries.size <= this.#maxTokens) return;
    const [oldest] = this.#entries.keys();
    this.#entries.delete(oldest as string);
  }
}
