import type { NoEndpointReady } from "@pagoda/balance";
import type { DeadlineExceeded } from "@pagoda/grpc";
import type { Answer } from "@pagoda/respond";
import type { NoRoute } from "@pagoda/router";
import type { ConnectFailed, ConnectionBroken } from "@pagoda/transport";
import { allPolicies } from "../policies/index.ts";
import { soon } from "../policies/retry-after.ts";
import { answersOf, grpcStatusesOf } from "../policies/stack.ts";

/** What a client is told of each error. 499, nginx's, is never sent: the client has gone, but metrics count it. */
export const answers = {
  ...answersOf(allPolicies),
  Aborted: { status: 499, message: "the client closed the connection" },
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
  HeadersTimedOut: { status: 504, message: "the upstream did not answer in time" },
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
  PoolExhausted: { status: 503, message: "the upstream can take no more requests now", headers: soon },
  RequestInvalid: { status: 400, message: "the request cannot be passed on as it is" },
  UpgradeUnsupported: { status: 501, message: "the upstream takes no upgrades" },
} as const;

/**
 * What a gRPC client is told where the HTTP status does not say it all: gRPC takes 429 and 504 for UNAVAILABLE, with which
 * clients try again at once.
 */
export const grpcStatuses = {
  ...grpcStatusesOf(allPolicies),
  Aborted: "CANCELLED",
  DeadlineExceeded: "DEADLINE_EXCEEDED",
  HeadersTimedOut: "DEADLINE_EXCEEDED",
} as const;
