import { type Clock, checkDuration, Scope, systemClock, timeoutError } from "@pagoda/core";
import type { CryptoKey } from "jose";
import { type KeyHeader, parsedKeys, type ParsedKeys } from "./parsed-keys.ts";

/** The public keys of an issuer (JWKS, RFC 7517). */
export interface KeySet {
  /**
   * Returns the keys that a token with this header may be signed with; none if the set has none.
   * `undefined` if the set has never been loaded.
   */
  find(header: KeyHeader): Promise<readonly CryptoKey[] | undefined>;
  /** Milliseconds until a set that has never been loaded is tried again. */
  readonly retryAfterMs: number;
  /** Milliseconds since the set was loaded; undefined if it never was, or does not change. */
  readonly ageMs?: number | undefined;
}

/** Receives events, for metrics and logs. Must not throw. */
export interface KeySetObserver {
  /** A set was loaded. */
  readonly loaded?: (keys: number) => void;
  /** A set could not be loaded; the previous one stays. */
  readonly failed?: (error: unknown) => void;
}

/** Options of {@link keySet}. */
export interface KeySetOptions {
  /**
   * Loads the set, as text or parsed JSON. It should end when the signal is aborted. A rejection
   * counts as a failure, like anything that is not a set of keys.
   */
  readonly load: (signal: AbortSignal) => Promise<unknown>;
  /** Age in milliseconds at which the set is loaded again, while the old one is used. Default 300,000. */
  readonly refreshMs?: number;
  /**
   * Minimum milliseconds between two attempts, however many tokens name unknown keys or however
   * often loading fails. Default 30,000.
   */
  readonly cooldownMs?: number;
  /** Milliseconds after which an attempt has failed. Default 5,000. */
  readonly timeoutMs?: number;
  readonly observer?: KeySetObserver;
  readonly clock?: Clock;
}

/** Minimum milliseconds between attempts while there are no keys at all: every token waits for them. */
const firstCooldownMs = 1_000;

/**
 * A set of keys that changes while it is used, loaded when it is first needed.
 *
 * The last set that could be loaded is kept however long loading fails: keys that an issuer no longer
 * publishes are then trusted for longer, but its outage is not ours. A set without a usable key counts
 * as a failure, too. A token with an unknown key loads the set again, and so does its age; neither
 * more often than `cooldownMs` allows. Tokens with known keys do not wait for that.
 *
 * It sets a timer only during an attempt, so it need not be closed.
 *
 * @throws RangeError when a duration is out of range.
 */
export function keySet({
  load,
  refreshMs = 300_000,
  cooldownMs = 30_000,
  timeoutMs = 5_000,
  observer,
  clock = systemClock,
}: KeySetOptions): KeySet {
  checkDuration("keySet: refreshMs", refreshMs);
  checkDuration("keySet: cooldownMs", cooldownMs);
  checkDuration("keySet: timeoutMs", timeoutMs);
  let keys: ParsedKeys | undefined;
  let loadedAt = -Infinity;
  let triedAt = -Infinity;
  let attempt: Promise<void> | undefined;

  const waitMs = (): number =>
    Math.max(
      0,
      triedAt + (keys === undefined ? Math.min(firstCooldownMs, cooldownMs) : cooldownMs) - clock.now(),
    );

  async function tryNow(): Promise<void> {
    triedAt = clock.now();
    const scope = new Scope(undefined);
    const { promise: tooLate, reject } = Promise.withResolvers<never>();
    const timer = clock.setTimer(timeoutMs, () => {
      const error = timeoutError(`no keys within ${timeoutMs} ms`);
      reject(error);
      scope.abort(error);
    });
    try {
      keys = parsedKeys(await Promise.race([load(scope.signal), tooLate]));
      loadedAt = clock.now();
      observer?.loaded?.(keys.size);
    } catch (error) {
      observer?.failed?.(error);
    } finally {
      clock.clearTimer(timer);
      scope.end();
    }
  }

  /** The attempt in progress, or a new one if it is allowed. */
  function again(): Promise<void> | undefined {
    if (attempt === undefined && waitMs() === 0) attempt = tryNow().finally(() => (attempt = undefined));
    return attempt;
  }

  return {
    async find(header) {
      if (keys === undefined) await again();
      else if (clock.now() - loadedAt >= refreshMs) void again();
      const found = await keys?.find(header);
      if (found === undefined || found.length > 0) return found;
      await again();
      return keys?.find(header);
    },
    get retryAfterMs() {
      return waitMs();
    },
    get ageMs() {
      return keys === undefined ? undefined : clock.now() - loadedAt;
    },
  };
}

/**
 * A set of keys that does not change, as text or parsed JSON.
 *
 * @throws RangeError when it is not a set of keys, or has no key that verifies signatures.
 */
export function fixedKeys(jwks: unknown): KeySet {
  const keys = parsedKeys(jwks);
  return { find: (header) => keys.find(header), retryAfterMs: 0 };
}
