import { describe, expect, test } from "vitest";
import { run } from "../chaos/run.ts";
import { troubles } from "../chaos/troubles.ts";

/** Seconds of each run at least, until every kind of trouble has occurred. `npm run soak` runs for as long as you like. */
const seconds = 10;

describe("while everything around the proxy fails", () => {
  test.each([
    ["pipe", 1],
    ["file", 2],
  ] as const)(
    "clients, proxy and origins agree on every call, and nothing leaks; log to a %s",
    async (logTo, seed) => {
      const report = await run({ seed, seconds, logTo });
      expect(report.faults).toEqual([]);
      expect(report.tally["200"]).toBeGreaterThan(1_000);
      expect(Object.keys(report.troubles).toSorted()).toEqual(Object.keys(troubles).toSorted());
    },
  );
});
