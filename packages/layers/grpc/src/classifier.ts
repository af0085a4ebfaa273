import { type Classifier, type Clock, type Outcome, outcomeOfError, systemClock } from "@pagoda/core";
import { httpClassifier, type HttpHeaders, type HttpResponse, isGrpc } from "@pagoda/http";
import { isLeft } from "fp-ts/lib/Either.js";
import { checkStatus, type GrpcStatus, grpcStatuses, statusOf } from "./status.ts";

export interface GrpcClassifierOptions {
  /**
   * Statuses that say that the upstream is not well. Default: UNKNOWN, DEADLINE_EXCEEDED, PERMISSION_DENIED, INTERNAL,
   * UNAVAILABLE, DATA_LOSS.
   */
  readonly failures?: readonly GrpcStatus[];
  /** Statuses with which a call may be made again. Default: UNAVAILABLE, RESOURCE_EXHAUSTED. */
  readonly retryable?: readonly GrpcStatus[];
  /** Judges errors, and responses that are not gRPC or give no status. Default: `httpClassifier()`. */
  readonly otherwise?: Classifier;
  /** Where the time of day comes from, for a `Retry-After` that is a date. */
  readonly clock?: Clock;
}

const linkerdsFailures: readonly GrpcStatus[] = [
  "UNKNOWN",
  "DEADLINE_EXCEEDED",
  "PERMISSION_DENIED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
];

/**
 * What gRPC responses say, for retries and circuit breakers: by the `grpc-status` in their head. A status among
 * `failures` is a failure, RESOURCE_EXHAUSTED asks for fewer calls, CANCELLED says nothing, all others are a success.
 * `grpc-retry-pushback-ms` is heeded: that long to wait, or not to try again where it is no number of milliseconds. All
 * responses that are none of gRPC, or give no status, are read as HTTP.
 *
 * Most errors have their status in the head, since there is no body before it. Where an upstream sends a head first,
 * `grpcTrailers` further in puts it there. What comes after a message is known too late for a retry; breakers and balancers
 * hear of it when the body has ended (`follow`).
 *
 * Cost: about 100 ns for each result.
 *
 * Source: linkerd's classification; gRFC A6 (what may be retried, pushback).
 *
 * @throws RangeError when an option names what is no status.
 */
export function grpcClassifier({
  failures = linkerdsFailures,
  retryable = ["UNAVAILABLE", "RESOURCE_EXHAUSTED"],
  clock = systemClock,
  otherwise: http = httpClassifier({ clock }),
}: GrpcClassifierOptions = {}): Classifier {
  for (const status of failures) checkStatus("grpcClassifier", "failures", status);
  for (const status of retryable) checkStatus("grpcClassifier", "retryable", status);
  const outcomes = new Map<GrpcStatus, Outcome>();
  for (const status of Object.keys(grpcStatuses) as GrpcStatus[])
    outcomes.set(status, { kind: kindOf(status, failures), retryable: retryable.includes(status) });

  return {
    outcome(result) {
      if (isLeft(result)) return http.outcome(result);
      const { headers, fault } = result.right as HttpResponse;
      const status = fault === undefined && isGrpc(headers) ? statusOf(headers) : undefined;
      if (status === undefined) return http.outcome(result);
      const outcome = outcomes.get(status) as Outcome;
      return outcome.retryable ? withPushback(outcome, headers) : outcome;
    },
    follow(response, ended) {
      const { headers, fault, body } = response as HttpResponse;
      if (fault !== undefined || !isGrpc(headers) || statusOf(headers) !== undefined)
        return http.follow?.(response, ended) ?? false;
      body.observe((_complete, trailers, broken) => {
        const status = trailers && statusOf(trailers);
        if (broken !== undefined) ended(outcomeOfError(broken));
        else ended(outcomes.get(status ?? "OK") as Outcome);
      });
      return true;
    },
    discard: (response) => http.discard(response),
  };
}

function kindOf(status: GrpcStatus, failures: readonly GrpcStatus[]): Outcome["kind"] {
  if (failures.includes(status)) return "failure";
  if (status === "RESOURCE_EXHAUSTED") return "limited";
  return status === "CANCELLED" ? "neutral" : "success";
}

/** gRFC A6: what is no whole number of milliseconds, such as a negative one, asks not to try again. */
function withPushback(outcome: Outcome, headers: HttpHeaders): Outcome {
  const pushback = headers.get("grpc-retry-pushback-ms");
  if (pushback === undefined) return outcome;
  if (/^\d{1,15}$/.test(pushback)) return { ...outcome, retryAfterMs: Number(pushback) };
  return { kind: outcome.kind, retryable: false };
}
