import type { Json } from "@pagoda/core";
import { rateText } from "../policies/rate-text.ts";
import { spanText } from "../policies/span-text.ts";
import type { RecordedFault } from "./call-record.ts";
import { factsText } from "./facts.ts";

/** Errors that a first line names; their fields would not tell a reader more than these words. */
const texts: Readonly<Record<string, (facts: Readonly<Record<string, Json>>) => string | undefined>> = {
  TimedOut: lateText,
  HeadersTimedOut: lateText,
  RateLimited: limitedText,
};

/** An error in plain words; undefined if there are none for it. */
export function plainFault({ tag, facts, cause }: RecordedFault): string | undefined {
  // A try that is given up because a time limit further out has passed: the same limit, the same words.
  const late = tag === "Aborted" ? /^no answer within (\d+(?:\.\d+)?) ms$/.exec(cause ?? "") : null;
  return late === null ? texts[tag]?.(facts) : lateText({ afterMs: Number(late[1]) });
}

/** `no answer within 1 s`; `ConnectFailed: connect ECONNREFUSED 10.0.0.7:80`; `Full (max 10)`. */
export function faultText(fault: RecordedFault): string {
  const { tag, facts, cause } = fault;
  const plain = plainFault(fault);
  if (plain !== undefined) return plain;
  const details = factsText(facts);
  return `${tag}${details === "" ? "" : ` (${details})`}${cause === undefined ? "" : `: ${cause}`}`;
}

function lateText({ afterMs }: Readonly<Record<string, Json>>): string | undefined {
  return typeof afterMs === "number" ? `no answer within ${spanText(afterMs)}` : undefined;
}

function limitedText({ limit, perSecond, share }: Readonly<Record<string, Json>>): string | undefined {
  if (share === 0) return "refused: the store of the rate limit does not answer";
  if (typeof perSecond !== "number") return undefined;
  return `refused by the ${limit === "global" ? "global" : "per-client"} limit of ${rateText(perSecond)}`;
}
