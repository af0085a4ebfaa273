import { isCutOff, lastTry } from "@pagoda/http";
import type { CallEnd } from "@pagoda/metrics";
import type { Ending, Reason } from "./call-record.ts";

/** gRPC statuses for failures: UNKNOWN, DEADLINE_EXCEEDED, INTERNAL, UNAVAILABLE, DATA_LOSS. */
const grpcFailures: ReadonlySet<number> = new Set([2, 4, 13, 14, 15]);
const resourceExhausted = 8;

/** Returns how a call ended. Ask after the signal of a client that has left is aborted. */
export function endingOf({ response, fault, isComplete, signal }: CallEnd): Ending {
  const isAborted = fault?._tag === "Aborted" || (!isComplete && signal?.aborted === true);
  if (isAborted) return isCutOff(signal?.reason) ? "cutOff" : "abandoned";
  if (response === undefined) return "none";
  return isComplete ? "complete" : "incomplete";
}

/** Returns why a call is worth keeping; undefined if it is not, except as a sample. */
export function reasonOf(
  end: CallEnd,
  ending: Ending,
  slowMs: number,
): Exclude<Reason, "sampled" | "unread"> | undefined {
  const { response, fault, grpcStatus, isComplete } = end;
  if (ending === "cutOff") return "refused";
  if (ending !== "abandoned") {
    if (fault !== undefined) return fault.origin === "local" ? "refused" : "failed";
    if (response === undefined) return "failed";
    const { status } = response;
    if (status === 429 || grpcStatus === resourceExhausted) return "refused";
    if (status >= 500 || (grpcStatus !== undefined && grpcFailures.has(grpcStatus))) return "failed";
    if (!isComplete && !isBodiless(end)) return "failed";
  }
  if (end.endedAt - end.startedAt >= slowMs && headMs(end) >= slowMs) return "slow";
  return end.request.notes.tries > 1 ? "recovered" : undefined;
}

/** A server may discard the body of a response that must not have one. */
function isBodiless({ request: { method }, response }: CallEnd): boolean {
  return method === "HEAD" || response?.status === 204 || response?.status === 304;
}

/**
 * Milliseconds until the response head. A long body is not a slow response: its time is mostly the
 * client's.
 */
function headMs({ request, startedAt, endedAt }: CallEnd): number {
  const answered = lastTry(request.notes)?.endedAt;
  return (answered ?? endedAt) - startedAt;
}
