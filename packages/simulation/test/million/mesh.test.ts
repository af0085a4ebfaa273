import { expect, test } from "vitest";
import { timeLimitMs, quarter, rare } from "./runs.ts";

test(
  "a quarter of a million calls of a mesh: every invariant holds",
  async () => {
    const { tally, reports } = await quarter("mesh");
    expect(reports).toEqual([]);
    const happened = ["ok", "Failed", "Down", "Busy", "Aborted", "TimedOut", "NoEndpointReady", "defect"];
    const done = ["no route", "refused", "old", "ejected", "panic", "ConcurrencyLimited"];
    expect(rare(tally, [...happened, ...done])).toEqual([]);
  },
  timeLimitMs,
);
