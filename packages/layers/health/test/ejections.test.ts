import { settled, virtualClock } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";
import { outlierEjections } from "@pagoda/health";
import { detecting, letters } from "./detecting.ts";

describe("a detection with shared ejections", () => {
  test("starts with them, with the remaining time and the same count", async () => {
    const clock = virtualClock();
    const options = { ejections: outlierEjections(), consecutiveFailures: 1 };
    const former = detecting(letters(3), options, clock);
    former.ended("a", "failure");
    await clock.advance(10_000);
    const next = detecting(letters(3), options, clock);
    former.go("a", "b", "c");
    expect([next.ill(), next.events]).toEqual(["a", []]);
    await clock.advance(19_999);
    expect(next.ill()).toBe("a");
    await clock.advance(1);
    expect(next.ill()).toBe("");
    next.ended("a", "failure");
    expect(next.events).toContain("a ejected consecutive-failures 60000 2");
  });

  test("ignores those that are over", async () => {
    const clock = virtualClock();
    const options = { ejections: outlierEjections(), consecutiveFailures: 1 };
    const former = detecting(letters(3), options, clock);
    former.ended("a", "failure");
    former.go("a", "b", "c");
    await clock.advance(30_000);
    expect(detecting(letters(3), options, clock).ill()).toBe("");
  });

  test("respects its own maxEjectedRatio", async () => {
    const options = { ejections: outlierEjections(), consecutiveFailures: 1, maxEjectedRatio: 1 };
    const former = detecting(letters(3), options);
    former.ended("a", "failure");
    former.ended("b", "failure");
    expect(former.ill()).toBe("a b");
    const next = detecting(["a", "b"], options, former.clock);
    await settled();
    expect(next.ill()).toHaveLength(1);
    const single = detecting(["b"], options, former.clock);
    await settled();
    expect(single.ill()).toBe("");
  });
});
