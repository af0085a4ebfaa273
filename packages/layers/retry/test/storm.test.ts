import { idempotent, left, type Replayable, service } from "@pagoda/core";
import { seededRandom, virtualClock } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";
import { retry } from "@pagoda/retry";
import { failed } from "./bench.ts";

describe("a retry storm", () => {
  // 1,000 calls/s that all fail. Without a budget, three attempts each would make 3,000/s.
  test("stays within the budget: at most 1,210 calls/s in any 10 s", async () => {
    const clock = virtualClock();
    const seen: number[] = [];
    const leaf = service("leaf", async (_request: Replayable) => {
      seen.push(clock.now());
      return left(failed);
    });
    const layered = retry({ clock, random: seededRandom(1) })(leaf);
    for (let ms = 0; ms < 40_000; ms++) {
      void layered.call({ replay: idempotent });
      await clock.advance(1);
    }
    await clock.runAll();

    const warm = 10_000;
    let from = 0;
    let most = 0;
    for (let to = 0; to < seen.length; to++) {
      const at = seen[to] as number;
      if (at < warm + 10_000 || at > 40_000) continue;
      while ((seen[from] as number) <= at - 10_000) from++;
      most = Math.max(most, to - from + 1);
    }
    expect(most).toBeLessThanOrEqual(12_100);
    // The budget is used, too: without retries it would be easy to stay within it.
    expect(most).toBeGreaterThan(11_900);
  });
});
