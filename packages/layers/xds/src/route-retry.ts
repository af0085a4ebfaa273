import type { Duration } from "@bufbuild/protobuf/wkt";
import { mustBe } from "@pagoda/core";
import type { RetryPolicy } from "./generated/route_pb.ts";
import { retryPolicyFields } from "./route-fields.ts";
import { skippedFields } from "./unknown-fields.ts";

/** When a call is tried again. */
export interface XdsRetry {
  /** With the first one. */
  readonly attempts: number;
  readonly statuses: readonly (number | "5xx")[];
  /** gRPC statuses, such as `unavailable`. */
  readonly grpc: readonly string[];
  /** After no connection could be made. */
  readonly connectFailure: boolean;
  /** After the origin reset the connection or did not answer in time. */
  readonly reset: boolean;
  readonly backoff?: { readonly baseMs: number; readonly maxMs: number };
}

const grpcStatuses: ReadonlySet<string> = new Set([
  "cancelled",
  "deadline-exceeded",
  "internal",
  "resource-exhausted",
  "unavailable",
]);

/** Conditions under which the origin has not begun with the request. */
const unprocessed: ReadonlySet<string> = new Set([
  "connect-failure",
  "refused-stream",
  "reset-before-request",
]);

/** Translates a retry policy. As in Envoy, its methods are all. */
export function retryOf(
  message: RetryPolicy,
  at: string,
  { problems, ignored }: { readonly problems: string[]; readonly ignored: Set<string> },
): XdsRetry {
  for (const name of skippedFields(message.$unknown, retryPolicyFields, at, problems)) ignored.add(name);
  const { numRetries = 1, retryBackOff: backoff } = message;
  const on = message.retryOn
    .split(",")
    .map((each) => each.trim())
    .filter((each) => each !== "");
  const statuses = new Set<number | "5xx">();
  const grpc: string[] = [];
  let [connectFailure, reset] = [false, false];
  for (const condition of on) {
    if (condition === "5xx") {
      statuses.add("5xx");
      [connectFailure, reset] = [true, true];
    } else if (condition === "gateway-error") {
      for (const status of [502, 503, 504]) statuses.add(status);
      [connectFailure, reset] = [true, true];
    } else if (condition === "retriable-4xx") statuses.add(409);
    else if (condition === "retriable-status-codes")
      for (const status of message.retriableStatusCodes) statuses.add(status);
    else if (unprocessed.has(condition)) connectFailure = true;
    else if (condition === "reset") [connectFailure, reset] = [true, true];
    else if (grpcStatuses.has(condition)) grpc.push(condition);
    else problems.push(mustBe(`${at}retry_on`, "a condition that is supported", condition));
  }
  return {
    attempts: on.length === 0 ? 1 : numRetries + 1,
    statuses: [...statuses],
    grpc,
    connectFailure,
    reset,
    ...(backoff?.baseInterval !== undefined && {
      backoff: backoffOf(backoff.baseInterval, backoff.maxInterval),
    }),
  };
}

/** As in Envoy, the maximum is ten times the base by default. */
function backoffOf(base: Duration, max: Duration | undefined): NonNullable<XdsRetry["backoff"]> {
  const baseMs = Math.max(1, Number(base.seconds) * 1_000 + Math.round(base.nanos / 1e6));
  const maxMs = max === undefined ? baseMs * 10 : Number(max.seconds) * 1_000 + Math.round(max.nanos / 1e6);
  return { baseMs, maxMs };
}
