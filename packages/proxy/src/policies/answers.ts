import { ownAnswers, ownGrpcStatuses } from "./own-answers.ts";
import type { PolicyRegistry } from "./registry.ts";
import { answersOf, grpcStatusesOf } from "./stack.ts";

/** The response to each error. */
export function answersBy({ all }: PolicyRegistry) {
  return { ...answersOf(all), ...ownAnswers } as const;
}

/** The gRPC statuses where the HTTP status does not suffice. */
export function grpcStatusesBy({ all }: PolicyRegistry) {
  return { ...grpcStatusesOf(all), ...ownGrpcStatuses } as const;
}
