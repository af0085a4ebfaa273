import { isFault } from "@pagoda/core";
import { errorCode, errorName, type MalformedMessage } from "@pagoda/http/http2";
import { coded } from "../faults.ts";
import { Malformed } from "../malformed.ts";

/** Converts the error of a stream to the one that a call fails with. */
export function named(error: Error): Error {
  const { code, reason } = error as Error & { code?: string; reason?: MalformedMessage["reason"] };
  if (reason !== undefined) return new Malformed(reason, error.message);
  if (code === errorName(errorCode.noError))
    return coded("ENDED", "stream closed before the end of the response");
  return error;
}

/**
 * Whether a signal was aborted because the origin took too long, and not because the answer is no
 * longer wanted or because of a deadline set by the client, which says nothing about the origin.
 */
export function isTimeout(reason: unknown): boolean {
  const isLate = (reason as Error | undefined)?.name === "TimeoutError";
  const fault = isLate ? (reason as Error).cause : reason;
  return isFault(fault) ? fault.origin === "upstream" : isLate;
}
