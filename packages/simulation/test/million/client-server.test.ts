import { describe, expect, test } from "vitest";
import { timeLimitMs, quarter, rare } from "./runs.ts";

describe("half a million calls", () => {
  test(
    "of a client: every invariant holds",
    async () => {
      const { tally, reports } = await quarter("client");
      expect(reports).toEqual([]);
      const happened = ["ok", "Failed", "Aborted", "TimedOut", "ConcurrencyLimited", "NoEndpointReady"];
      const done = [
        "retried",
        "recovered",
        "hedged",
        "first won",
        "second won",
        "half-open",
        "limit changed",
      ];
      const left = ["gave up: budget", "gave up: notReplayable", "gave up: deadline", "gave up: notReady"];
      expect(rare(tally, [...happened, ...done, ...left, "defect", "failing fast"])).toEqual([]);
    },
    timeLimitMs,
  );

  test(
    "of a server: every invariant holds",
    async () => {
      const { tally, reports } = await quarter("server");
      expect(reports).toEqual([]);
      const happened = ["ok", "Aborted", "TimedOut", "RateLimited", "Overloaded", "QueueTimedOut", "defect"];
      expect(rare(tally, [...happened, "queued", "shed", "limit changed"])).toEqual([]);
    },
    timeLimitMs,
  );
});
