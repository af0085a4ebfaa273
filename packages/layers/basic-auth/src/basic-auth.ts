import {
  type Aborted,
  checkMaxWait,
  checkOption,
  defaultMaxWaitMs,
  type Either,
  type Fault,
  layer,
  type Layer,
  left,
  oneshot,
  type Wait,
} from "@pagoda/core";
import type { HttpRequest } from "@pagoda/http";
import { type Credentials, credentialsIn } from "./credentials.ts";

/** The request has no valid credentials. Answer 401, with `challenge` as `WWW-Authenticate`. */
export interface Unauthorized extends Fault<"Unauthorized"> {
  /** The value of `WWW-Authenticate`. */
  readonly challenge: string;
  /** `missing`: the request has none. `malformed`: they are not valid Basic credentials. */
  readonly reason: "missing" | "malformed" | "wrong";
}

/** A request whose sender is known. */
export interface Authenticated<User = string> {
  readonly user: User;
}

/** Receives events, for metrics and logs. Must not throw. */
export interface BasicAuthObserver<Req extends HttpRequest = HttpRequest> {
  /** A request was refused. Neither name nor password are part of it. */
  readonly refused?: (fault: Unauthorized, request: Req) => void;
}

/** Options of {@link basicAuth}. */
export interface BasicAuthOptions<User, Req extends HttpRequest = HttpRequest> extends Wait {
  /**
   * Returns the user of valid credentials, or `undefined`. It may take time. `passwords()` makes one
   * for a fixed set of users.
   */
  readonly verify: (credentials: Credentials, request: Req) => User | undefined | Promise<User | undefined>;
  /** Names what is protected, for the browser's dialog: visible ASCII and spaces. Default `restricted`. */
  readonly realm?: string;
  /** Passes `Authorization` on to inner. Default `false`. */
  readonly keepHeader?: boolean;
  readonly observer?: BasicAuthObserver<Req>;
}

/**
 * Requires HTTP Basic authentication (RFC 7617), and adds the `user` to the request. Use it only with
 * TLS: the password is not encrypted, and sent with each request.
 *
 * `Authorization` is removed: the next service would otherwise see, and perhaps log, a password that
 * it does not need and that may be valid elsewhere.
 *
 * Place it inside `respond` and inside limits for clients, which bound how fast passwords can be
 * guessed; outside everything expensive.
 *
 * Errors: {@link Unauthorized}, of origin `local` and not retryable. `Aborted` if the caller aborts
 * while `verify` takes its time. A rejection of `verify` is a defect.
 *
 * Cost per call: about 6 µs with plain `passwords`, most of it for a digest.
 *
 * @throws RangeError when `realm` or `maxWaitMs` is out of range.
 */
export function basicAuth<User, Req extends HttpRequest = HttpRequest>({
  verify,
  realm = "restricted",
  keepHeader = false,
  observer,
  maxWaitMs = defaultMaxWaitMs,
  clock,
}: BasicAuthOptions<User, Req>): Layer<Req, Authenticated<User>, Unauthorized | Aborted> {
  checkOption("basicAuth: realm", realm, /^[ -~]*$/.test(realm), "visible ASCII and spaces");
  checkMaxWait("basicAuth", maxWaitMs);
  const wait: Wait = { maxWaitMs, ...(clock && { clock }) };
  const challenge = `Basic realm="${realm.replaceAll(/["\\]/g, "\\$&")}", charset="UTF-8"`;

  function refused(reason: Unauthorized["reason"], request: Req): Either<Unauthorized, never> {
    const fault: Unauthorized = {
      _tag: "Unauthorized",
      origin: "local",
      retryable: false,
      challenge,
      reason,
    };
    observer?.refused?.(fault, request);
    return left(fault);
  }

  return layer<Req, Authenticated<User>, Unauthorized | Aborted>("basic-auth", (inner) => ({
    options: { realm, keepHeader },
    call(request, signal) {
      const credentials = credentialsIn(request.headers);
      if (typeof credentials === "string") return Promise.resolve(refused(credentials, request));
      const passedOn = (user: User): Req & Authenticated<User> => {
        // Shared by all copies of the request, so that logs further out see it.
        request.notes.user = credentials.name;
        const headers = keepHeader ? request.headers : request.headers.delete("authorization");
        return { ...request, headers, user };
      };
      const found = verify(credentials, request);
      if (!isPromise(found)) {
        return found === undefined
          ? Promise.resolve(refused("wrong", request))
          : inner.call(passedOn(found), signal);
      }
      return found.then(async (user) => {
        // Inner may no longer be ready, and the caller may have aborted.
        return user === undefined ? refused("wrong", request) : oneshot(inner, passedOn(user), signal, wait);
      });
    },
  }));
}

function isPromise<T>(value: T | Promise<T>): value is Promise<T> {
  return typeof (value as Promise<T> | undefined)?.then === "function";
}
