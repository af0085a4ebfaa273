import {
  type Aborted,
  aborted,
  checkInteger,
  checkMaxWait,
  checkOption,
  defaultMaxWaitMs,
  type Either,
  isLeft,
  layer,
  type Layer,
  left,
  oneshot,
  right,
  systemClock,
  type Wait,
  whenAborted,
} from "@pagoda/core";
import type { ClaimPath, HttpRequest, WithClaims } from "@pagoda/http";
import { bearerToken } from "./bearer-token.ts";
import { claimHeaders } from "./claim-headers.ts";
import { type InvalidToken, type KeysUnavailable, refusals } from "./faults.ts";
import { type Issuer, issuersByName } from "./issuer.ts";
import type { JwtClaims } from "./jwt-claims.ts";
import { digestOf, type KnownToken, TokenCache } from "./token-cache.ts";
import { verify } from "./verify.ts";

/** Receives events, for metrics and logs. Must not throw. */
export interface JwtObserver {
  /** A request was refused. Nothing of its token is in the fault. */
  readonly refused?: (fault: InvalidToken, request: HttpRequest) => void;
  /** A request could not be judged, because the keys of an issuer have never been loaded. */
  readonly unavailable?: (fault: KeysUnavailable, request: HttpRequest) => void;
}

/** Options of {@link jwt}. */
export interface JwtOptions<C extends object, Optional extends boolean> extends Wait {
  /** The issuers whose tokens are accepted. */
  readonly issuers: readonly Issuer[];
  /**
   * Lets requests without a token pass, without `claims`. A request with an invalid token is refused
   * anyway. Default `false`.
   */
  readonly optional?: Optional;
  /** Passes `Authorization` on to inner. Default `false`. */
  readonly keepHeader?: boolean;
  /**
   * Header fields of the request to set from claims, by name; those that the client sent are removed.
   * Text is set as it is, in UTF-8, everything else as JSON.
   */
  readonly claimHeaders?: Readonly<Record<string, ClaimPath>>;
  /**
   * Makes the `claims` of the request from those of a verified token, or returns `undefined` to
   * refuse it. It runs once per verification. Default: the claims as they are.
   */
  readonly parse?: (claims: JwtClaims) => C | undefined;
  /** Names what is protected, in the challenge: visible ASCII and spaces. Default `restricted`. */
  readonly realm?: string;
  /** Largest token in bytes: 1 to 65,536. Default 16,384. */
  readonly maxBytes?: number;
  /** Remembers verified tokens. Default: a cache of this layer for 10,000 tokens. */
  readonly cache?: TokenCache;
  readonly observer?: JwtObserver;
}

type Refused = InvalidToken | KeysUnavailable;

/**
 * Requires a bearer token (RFC 6750): a JSON Web Token (RFC 7519) that one of the issuers has signed
 * for one of its audiences and that has not expired. Adds its `claims` to the request.
 *
 * A verified token is remembered until it expires, for at most 60 s. `Authorization` is removed by
 * default: a service that gets a token can use it elsewhere.
 *
 * Place it inside `respond` and `cors`, and outside everything that reads claims.
 *
 * Errors: {@link InvalidToken} and {@link KeysUnavailable}, of origin `local`. `Aborted` if the
 * caller aborts during a verification.
 *
 * Cost per call: about 3 µs for a token that is remembered. A verification takes about 0.2 ms, most
 * of it on a thread of libuv's pool.
 *
 * @throws RangeError when an option is out of range.
 */
export function jwt<C extends object = JwtClaims, const Optional extends boolean = false>({
  issuers,
  optional,
  keepHeader = false,
  claimHeaders: fields = {},
  parse = (claims) => claims as unknown as C,
  realm = "restricted",
  maxBytes = 16_384,
  cache = new TokenCache(),
  observer,
  maxWaitMs = defaultMaxWaitMs,
  clock = systemClock,
}: JwtOptions<C, Optional>): Layer<
  HttpRequest,
  WithClaims<Optional extends false ? C : C | undefined>,
  Refused | Aborted
> {
  type Claims = Optional extends false ? C : C | undefined;
  const byName = issuersByName(issuers);
  checkOption("jwt: realm", realm, /^[ -~]*$/.test(realm), "visible ASCII and spaces");
  checkInteger("jwt: maxBytes", maxBytes, { min: 1, max: 65_536 });
  checkMaxWait("jwt", maxWaitMs);
  const edited = claimHeaders(fields, keepHeader ? [] : ["authorization"]);
  const refusal = refusals(realm);
  /** Verifications in progress: a client that begins with many calls at once costs one. */
  const pending = new Map<string, Promise<Either<Refused, KnownToken>>>();

  function refused(fault: Refused, request: HttpRequest): Either<Refused, never> {
    if (fault._tag === "InvalidToken") observer?.refused?.(fault, request);
    else observer?.unavailable?.(fault, request);
    return left(fault);
  }

  async function verified(token: string, digest: string): Promise<Either<Refused, KnownToken>> {
    const result = await verify(token, byName, clock);
    if (isLeft(result)) {
      const why = result.left;
      return left(typeof why === "string" ? refusal(why) : unavailable(why));
    }
    const { claims: payload, validMs } = result.right;
    const all = frozen(payload) as JwtClaims;
    const claims = parse(all);
    if (claims === undefined) return left(refusal("claims"));
    const known = { claims, all };
    cache.add(digest, known, clock.now(), validMs);
    return right(known);
  }

  function shared(token: string, digest: string): Promise<Either<Refused, KnownToken>> {
    let verification = pending.get(digest);
    if (verification === undefined) {
      verification = verified(token, digest).finally(() => pending.delete(digest));
      pending.set(digest, verification);
    }
    return verification;
  }

  return layer<HttpRequest, WithClaims<Claims>, Refused | Aborted>("jwt", (inner) => {
    function passedOn(request: HttpRequest, of: KnownToken | undefined): HttpRequest & WithClaims<Claims> {
      // Shared by all copies of the request, so that logs further out see it.
      if (typeof of?.all.sub === "string") request.notes.user = of.all.sub;
      return { ...request, headers: edited(request.headers, of?.all), claims: of?.claims as Claims };
    }

    return {
      options: { issuers: [...byName.keys()], optional: optional ?? false, keepHeader },
      state: () => ({ cached: cache.size, ...keysAge(issuers) }),
      call(request, signal) {
        const found = bearerToken(request.headers, maxBytes);
        if (typeof found === "string") {
          if (found === "missing" && optional) return inner.call(passedOn(request, undefined), signal);
          const fault = found === "several" ? refusal("malformed", true) : refusal(found);
          return Promise.resolve(refused(fault, request));
        }
        const digest = digestOf(found.token);
        const remembered = cache.get(digest, clock.now());
        if (remembered !== undefined) return inner.call(passedOn(request, remembered), signal);
        return unlessAborted(shared(found.token, digest), signal).then(async (result) => {
          if (isLeft(result))
            return result.left._tag === "Aborted" ? left(result.left) : refused(result.left, request);
          // Inner may no longer be ready.
          return oneshot(inner, passedOn(request, result.right), signal, { maxWaitMs, clock });
        });
      },
    };
  });
}

/** The age of the oldest keys that were loaded. */
function keysAge(issuers: readonly Issuer[]): { keysAgeMs?: number } {
  const ages = issuers.flatMap(({ keys: { ageMs } }) => ageMs ?? []);
  return ages.length === 0 ? {} : { keysAgeMs: Math.max(...ages) };
}

function unavailable({ issuer, keys }: Issuer): KeysUnavailable {
  const { retryAfterMs } = keys;
  return { _tag: "KeysUnavailable", origin: "local", retryable: true, issuer, retryAfterMs };
}

/** Waits for a verification, which continues for the other callers that share it. */
function unlessAborted<L, R>(
  verification: Promise<Either<L, R>>,
  signal: AbortSignal | undefined,
): Promise<Either<L | Aborted, R>> {
  if (signal === undefined) return verification;
  if (signal.aborted) return Promise.resolve(left(aborted(signal)));
  return new Promise((resolve, reject) => {
    const watch = whenAborted(signal, { onAbort: () => resolve(left(aborted(signal))) });
    verification.then(resolve, reject).finally(() => watch.end());
  });
}

/** Calls share the claims, so none may change them for the others. */
function frozen<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  for (const each of Object.values(value)) frozen(each);
  return Object.freeze(value);
}
