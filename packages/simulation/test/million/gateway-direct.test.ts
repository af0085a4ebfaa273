import { describe, expect, test } from "vitest";
import { timeLimitMs, quarter, rare } from "./runs.ts";

describe("another half a million calls", () => {
  test(
    "of a gateway: every invariant holds",
    async () => {
      const { tally, reports } = await quarter("gateway");
      expect(reports).toEqual([]);
      const happened = ["ok", "Failed", "Aborted", "TimedOut", "RateLimited", "Overloaded", "FailedFast"];
      const done = ["queued", "retried", "recovered", "hedged", "second won", "half-open", "failing fast"];
      expect(rare(tally, [...happened, ...done, "probe returned", "body replayed", "defect"])).toEqual([]);
    },
    timeLimitMs,
  );

  test(
    "of a client with one upstream: every invariant holds",
    async () => {
      const { tally, reports } = await quarter("direct");
      expect(reports).toEqual([]);
      const happened = ["ok", "Failed", "Down", "Busy", "Aborted", "TimedOut", "CircuitOpen", "RateLimited"];
      const done = [
        "retried",
        "recovered",
        "hedged",
        "half-open",
        "probe returned",
        "body replayed",
        "defect",
      ];
      expect(rare(tally, [...happened, ...done])).toEqual([]);
    },
    timeLimitMs,
  );
});
