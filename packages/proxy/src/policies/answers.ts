import { ownAnswers, ownGrpcStatuses } from "./own-answers.ts";
import type { PolicyRegistry } from "./registry.ts";
import { answersToMarked } from "./shared-tags.ts";
import { type AllAnswersOf, grpcStatusesOf } from "./stack.ts";

/** The response to each error. */
export function answersBy({ all }: PolicyRegistry) {
  return { ...(answersToMarked(all) as AllAnswersOf<typeof all>), ...ownAnswers } as const;
}

/** The gRPC statuses where the HTTP status does not suffice. */
export function grpcStatusesBy({ all }: PolicyRegistry) {
  return { ...grpcStatusesOf(all), ...ownGrpcStatuses } as const;
}
