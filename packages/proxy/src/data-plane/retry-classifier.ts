import { type Classifier, isFault, neverProcessed } from "@pagoda/core";
import { httpClassifier } from "@pagoda/http";
import { grpcClassifier, type GrpcStatus } from "@pagoda/grpc";
import type { RoutePolicies } from "../config/schema/policies.ts";

type Conditions = NonNullable<RoutePolicies["retry"]>["on"];

/** What a retry policy retries. What results say about an origin's health does not depend on it. */
export function retryClassifier({ statuses, grpc, connectFailure, reset }: Conditions): Classifier {
  const matches = new Set<number>();
  for (const status of statuses) {
    if (typeof status === "number") matches.add(status);
    else for (let n = 0, first = status === "4xx" ? 400 : 500; n < 100; n++) matches.add(first + n);
  }
  return grpcClassifier({
    retryable: grpc.map((status) => status.toUpperCase().replaceAll("-", "_") as GrpcStatus),
    otherwise: httpClassifier({
      retryable: ({ status }) => matches.has(status),
      retryableErrors(error) {
        if (!isFault(error) || !error.retryable) return false;
        if (error._tag === "ConnectFailed" || neverProcessed(error)) return connectFailure;
        // What this side has refused was not sent: whether it may be sent again is not the origin's matter.
        return error.origin === "local" || reset;
      },
    }),
  });
}
