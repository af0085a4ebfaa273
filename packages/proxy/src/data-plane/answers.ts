import type { NoEndpointReady } from "@pagoda/balance";
import type { CircuitOpen } from "@pagoda/circuit-breaker";
import type { Injected } from "@pagoda/fault";
import type { DeadlineExceeded } from "@pagoda/grpc";
import type { RateLimited } from "@pagoda/rate-limit";
import type { Answer } from "@pagoda/respond";
import type { NoRoute } from "@pagoda/router";
import type { TimedOut } from "@pagoda/timeout";
import type { ConnectFailed, ConnectionBroken } from "@pagoda/transport";

/** An injected failure says with which status it is to be answered. */
export interface InjectedStatus extends Injected {
  readonly status: number;
}

const soon = { "retry-after": "1" };
const busy: Answer = { status: 503, message: "the upstream can take no more requests now", headers: soon };

/** Whole seconds, as `Retry-After` wants them, and not too early. */
function retryAfter(ms: number): Readonly<Record<string, string>> {
  return { "retry-after": String(Math.max(1, Math.ceil(ms / 1_000))) };
}

/** What a client is told of each error. 499, nginx's, is never sent: the client has gone, but metrics count it. */
export const answers = {
  Aborted: { status: 499, message: "the client closed the connection" },
  BufferFull: { status: 503, message: "too many requests wait for the upstream", headers: soon },
  CircuitOpen: ({ retryAfterMs = 1_000 }: CircuitOpen): Answer => ({
    status: 503,
    message: "the upstream has failed too often and is left alone for a while",
    headers: retryAfter(retryAfterMs),
  }),
  ConcurrencyLimited: { status: 503, message: "too many requests are under way", headers: soon },
  ConnectFailed: ({ origin, code }: ConnectFailed): Answer => {
    if (origin === "local")
      return { status: 503, message: "no connection to the upstream can be made now", headers: soon };
    return code === "CONNECT_TIMEOUT"
      ? { status: 504, message: "no connection to the upstream in time" }
      : { status: 502, message: "the upstream could not be reached" };
  },
  ConnectionBroken: ({ code }: ConnectionBroken): Answer => ({
    status: 502,
    message:
      code === "MALFORMED"
        ? "the upstream sent a malformed response"
        : "the upstream closed the connection before it answered",
  }),
  DeadlineExceeded: ({ afterMs }: DeadlineExceeded): Answer => ({
    status: 504,
    message: `the deadline of ${afterMs} ms has passed`,
  }),
  Denied: { status: 403, message: "access is denied" },
  FailedFast: { status: 503, message: "no upstream can take the request now", headers: soon },
  HeadersTimedOut: { status: 504, message: "the upstream did not answer in time" },
  Injected: ({ status }: InjectedStatus): Answer => ({ status, message: "a fault was injected here" }),
  KeyedConcurrencyLimited: {
    status: 429,
    message: "too many requests of this client are under way",
    headers: soon,
  },
  NoEndpointReady: ({ endpoints, usable }: NoEndpointReady): Answer => ({
    status: 503,
    message:
      endpoints === 0
        ? "there is no upstream"
        : usable === 0
          ? "no upstream is healthy"
          : "no upstream can take the request now",
    headers: soon,
  }),
  NoRoute: ({ allow }: NoRoute): Answer =>
    allow === undefined
      ? { status: 404, message: "no route leads there" }
      : { status: 405, message: "no route takes that method there", headers: { allow: allow.join(", ") } },
  PathRefused: { status: 400, message: "the path is malformed" },
  PoolExhausted: busy,
  QueueTimedOut: { status: 503, message: "the upstream was busy for too long", headers: soon },
  RateLimited: ({ retryAfterMs, limit, perSecond, burst }: RateLimited): Answer => ({
    status: 429,
    message: "too many requests",
    headers: {
      ...retryAfter(retryAfterMs),
      "ratelimit-policy": `"${limit}";q=${burst};w=${Math.max(1, Math.ceil(burst / perSecond))}`,
      ratelimit: `"${limit}";r=0;t=${Math.max(1, Math.ceil(retryAfterMs / 1_000))}`,
    },
  }),
  RequestInvalid: { status: 400, message: "the request cannot be passed on as it is" },
  TimedOut: ({ afterMs }: TimedOut): Answer => ({
    status: 504,
    message: `the upstream did not answer within ${afterMs} ms`,
  }),
  UpgradeUnsupported: { status: 501, message: "the upstream takes no upgrades" },
} as const;

/**
 * What a gRPC client is told where the HTTP status does not say it all: gRPC takes 429 and 504 for UNAVAILABLE, with which
 * clients try again at once.
 */
export const grpcStatuses = {
  Aborted: "CANCELLED",
  DeadlineExceeded: "DEADLINE_EXCEEDED",
  HeadersTimedOut: "DEADLINE_EXCEEDED",
  KeyedConcurrencyLimited: "RESOURCE_EXHAUSTED",
  RateLimited: "RESOURCE_EXHAUSTED",
  TimedOut: "DEADLINE_EXCEEDED",
} as const;
