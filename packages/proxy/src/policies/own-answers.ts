import type { NoEndpointReady } from "@pagoda/balance";
import type { DeadlineExceeded } from "@pagoda/grpc";
import type { Answer } from "@pagoda/respond";
import type { NoRoute } from "@pagoda/router";
import type { ConnectFailed, ConnectionBroken } from "@pagoda/transport";
import { soon } from "./retry-after.ts";

/**
 * The responses to the errors of everything but policies, which may raise them, too. 499, from
 * nginx, is never sent, since the client has gone; metrics count it.
 */
export const ownAnswers = {
  Aborted: { status: 499, message: "the client closed the connection" },
  ConnectFailed: ({ origin, code }: ConnectFailed): Answer => {
    if (origin === "local")
      return { status: 503, message: "cannot connect to the upstream now", headers: soon };
    return code === "CONNECT_TIMEOUT"
      ? { status: 504, message: "timed out connecting to the upstream" }
      : { status: 502, message: "cannot connect to the upstream" };
  },
  ConnectionBroken: ({ code }: ConnectionBroken): Answer => ({
    status: 502,
    message:
      code === "MALFORMED"
        ? "the upstream sent a malformed response"
        : "the upstream closed the connection before responding",
  }),
  DeadlineExceeded: ({ afterMs }: DeadlineExceeded): Answer => ({
    status: 504,
    message: `deadline of ${afterMs} ms exceeded`,
  }),
  HeadersTimedOut: { status: 504, message: "the upstream did not respond in time" },
  NoEndpointReady: ({ endpoints, usable }: NoEndpointReady): Answer => ({
    status: 503,
    message:
      endpoints === 0
        ? "no upstream available"
        : usable === 0
          ? "no healthy upstream"
          : "no upstream is ready",
    headers: soon,
  }),
  NoRoute: ({ allow }: NoRoute): Answer =>
    allow === undefined
      ? { status: 404, message: "no route matches" }
      : { status: 405, message: "method not allowed for this path", headers: { allow: allow.join(", ") } },
  PathRefused: { status: 400, message: "the path is malformed" },
  PoolExhausted: { status: 503, message: "too many requests to the upstream", headers: soon },
  RequestInvalid: { status: 400, message: "the request cannot be forwarded" },
  UpgradeUnsupported: { status: 501, message: "the upstream does not accept upgrades" },
} as const;

/**
 * The gRPC statuses of those errors where the HTTP status does not suffice: gRPC maps 429 and 504 to
 * UNAVAILABLE, which clients retry at once.
 */
export const ownGrpcStatuses = {
  Aborted: "CANCELLED",
  DeadlineExceeded: "DEADLINE_EXCEEDED",
  HeadersTimedOut: "DEADLINE_EXCEEDED",
} as const;

export type OwnAnswers = typeof ownAnswers;
