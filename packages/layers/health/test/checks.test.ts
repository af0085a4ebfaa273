import { deadlineOf } from "@pagoda/core";
import { settled, virtualClock } from "@pagoda/core/testing";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { healthCheck, type Probe, type ProbeResult, probeInconclusive, probeSucceeded } from "@pagoda/health";
import { checking, ill } from "./checking.ts";

describe("time", () => {
  test("the first check starts at once, the next an interval after the end of the last", async () => {
    const { watch, runs, clock } = checking();
    watch("a");
    await clock.advance(400);
    runs[0]?.settle(probeSucceeded);
    await clock.advance(9_999);
    expect(runs.map(({ atMs }) => atMs)).toEqual([0]);
    await clock.advance(1);
    expect(runs.map(({ atMs }) => atMs)).toEqual([0, 10_400]);
  });

  test("unhealthyIntervalMs applies while an endpoint is unhealthy", async () => {
    const { watch, runs, clock } = checking({ unhealthyIntervalMs: 2_000, unhealthyThreshold: 1 });
    watch("a");
    for (const [result, ms] of [
      [ill, 2_000],
      [probeSucceeded, 10_000],
      [ill, 2_000],
      [ill, 2_000],
    ] as const) {
      const before = runs.length;
      runs.at(-1)?.settle(result);
      await clock.advance(ms - 1);
      expect(runs).toHaveLength(before);
      await clock.advance(1);
      expect(runs).toHaveLength(before + 1);
    }
  });

  test.each([
    [0, 9_000],
    [0.5, 10_000],
    [0.75, 10_500],
  ])("an interval is longer or shorter by chance: %d", async (chance, ms) => {
    const { watch, runs, clock } = checking({ jitterRatio: 0.1, random: () => chance });
    watch("a");
    runs[0]?.settle(probeSucceeded);
    await clock.advance(ms - 1);
    expect(runs).toHaveLength(1);
    await clock.advance(1);
    expect(runs).toHaveLength(2);
  });

  test("jitter never exceeds the longest timer", async () => {
    const most = 2_147_483_647;
    const waits: number[] = [];
    const clock = virtualClock();
    const setTimer = (ms: number, run: () => void): object => {
      waits.push(ms);
      return clock.setTimer(ms, run);
    };
    const source = healthCheck({
      probe: async () => probeSucceeded,
      intervalMs: most,
      random: () => 0.99,
      clock: { ...clock, setTimer },
    });
    const watch = source.watch({ key: "a" }, () => {});
    await settled();
    expect(waits).toEqual([1_000, most]);
    watch.close();
  });

  test("a check without a result within timeoutMs is aborted and fails", async () => {
    const { watch, runs, clock, events } = checking({ timeoutMs: 300 });
    watch("a");
    expect(deadlineOf(runs[0]?.signal)).toBe(300);
    await clock.advance(299);
    expect(runs[0]?.signal.aborted).toBe(false);
    await clock.advance(1);
    expect(runs[0]?.signal.aborted).toBe(true);
    expect(events).toEqual(["a failed: no result within 300 ms 300", "a ill: no result within 300 ms"]);
  });

  test("defect: a check failed because the process had been stopped", async () => {
    const clock = virtualClock();
    let stoppedMs = 0;
    const held = { ...clock, now: () => clock.now() + stoppedMs };
    const failures: unknown[] = [];
    const check = healthCheck({
      probe: () => new Promise(() => {}),
      timeoutMs: 300,
      unhealthyThreshold: 1,
      initiallyHealthy: true,
      clock: held,
      observer: { checked: (_key, { failure }) => failures.push(failure) },
    });
    const watch = check.watch({ key: "a" }, () => {});
    stoppedMs = 5_000;
    await clock.advance(300);
    expect(failures).toMatchObject([
      { origin: "local", reason: "no result within 300 ms: this process was stalled" },
    ]);
    expect(watch.healthy).toBe(true);
    watch.close();
  });

  test("a late result is ignored, whatever it is", async () => {
    const { watch, runs, clock, events } = checking();
    const a = watch("a");
    await clock.advance(1_000);
    runs[0]?.settle(probeSucceeded);
    await settled();
    expect([a.healthy, events.length]).toEqual([false, 2]);
    await clock.advance(11_000);
    runs[1]?.reject(new Error("aborted"));
    await settled();
    expect(events).toEqual([
      "a failed: no result within 1000 ms 1000",
      "a ill: no result within 1000 ms",
      "a failed: no result within 1000 ms 1000",
    ]);
  });

  test("while a timed-out probe still runs, no other starts and checks fail", async () => {
    const { watch, runs, clock, events } = checking({ initiallyHealthy: true });
    const a = watch("a");
    await clock.advance(21_000);
    expect(runs).toHaveLength(1);
    expect(events.slice(1)).toEqual([
      "a failed: the previous check timed out and is still running 0",
      "a failed: the previous check timed out and is still running 0",
      "a ill: the previous check timed out and is still running",
      "a changed",
    ]);
    runs[0]?.settle(ill);
    await clock.advance(10_000);
    expect(runs).toHaveLength(2);
    runs[1]?.settle(probeSucceeded);
    await settled();
    expect(a.healthy).toBe(true);
  });
});

describe("probe defects", () => {
  test("a rejection fails the check and is reported to the observer", async () => {
    const { watch, runs, events } = checking();
    const a = watch("a");
    runs[0]?.reject(new Error("no such thing"));
    await settled();
    expect(events).toEqual([
      "a defect no such thing",
      "a failed: probe threw: no such thing 0",
      "a ill: probe threw: no such thing",
    ]);
    expect(a.state()).toMatchObject({ consecutiveFailures: 1, reason: "probe threw: no such thing" });
  });

  test("a throw fails the check and is not reported before watch returns", async () => {
    const probe = (): never => {
      throw new Error("no such thing");
    };
    const { watch, events } = checking({ probe, initiallyHealthy: true, unhealthyThreshold: 1 });
    const a = watch("a");
    expect([a.healthy, events]).toEqual([true, []]);
    await settled();
    expect(events.at(-1)).toBe("a changed");
  });
});

describe("close", () => {
  test("aborts the check, clears timers and calls the probe's gone, without events", async () => {
    const { watch, runs, clock, events, gone, source } = checking();
    const [a, b] = [watch("a"), watch("b")];
    runs[1]?.settle(probeSucceeded);
    await settled();
    events.length = 0;
    a.close();
    expect(runs[0]?.signal.aborted).toBe(true);
    b.close();
    b.close();
    expect([clock.pending, gone]).toEqual([0, ["a", "b"]]);
    runs[0]?.reject(new Error("aborted"));
    await clock.runAll();
    expect([events, runs.length, clock.pending]).toEqual([[], 2, 0]);
    expect(source.describe().state).toEqual({ endpoints: 0, healthy: 0 });
  });

  test("may be called by the observer", async () => {
    const clock = virtualClock();
    let changes = 0;
    const source = healthCheck({
      probe: async () => probeSucceeded,
      clock,
      observer: { checked: () => watch.close() },
    });
    const watch = source.watch({ key: "a" }, () => changes++);
    await clock.advance(60_000);
    expect([changes, clock.pending]).toEqual([0, 0]);
  });
});

describe("properties", () => {
  const step = fc.oneof(
    fc.record({ settle: fc.nat(2), how: fc.constantFrom("well", "ill", "local", "throw") }),
    fc.record({ wait: fc.integer({ min: 0, max: 1_500 }) }),
    fc.record({ close: fc.nat(20) }),
  );

  test("checks never overlap, each change is reported once, no timer is left", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 80, size: "max" }), async (steps) => {
        const clock = virtualClock();
        const open = new Map<string, (result: ProbeResult) => void>();
        const probe: Probe = ({ key }) =>
          new Promise((resolve, reject) => {
            expect(open.has(key)).toBe(false);
            open.set(key, resolve);
            rejects.set(key, reject);
          });
        const rejects = new Map<string, (defect: unknown) => void>();
        const source = healthCheck({ probe, clock, intervalMs: 700, timeoutMs: 400, random: () => 0.5 });
        const seen = new Map<string, boolean>();
        const watches = ["a", "b", "c"].map((key) => {
          const watch = source.watch({ key }, () => {
            expect(watch.healthy).not.toBe(seen.get(key));
            seen.set(key, watch.healthy);
          });
          seen.set(key, watch.healthy);
          return { key, watch };
        });
        const closed = new Set<number>();
        for (const each of steps) {
          if ("wait" in each) await clock.advance(each.wait);
          else if ("close" in each) {
            watches[each.close]?.watch.close();
            if (each.close < 3) closed.add(each.close);
          } else {
            const { key } = watches[each.settle] as { readonly key: string };
            const [resolve, reject] = [open.get(key), rejects.get(key)];
            open.delete(key);
            if (each.how === "throw") reject?.(new Error("of the probe"));
            else
              resolve?.(
                each.how === "well" ? probeSucceeded : each.how === "ill" ? ill : probeInconclusive("full"),
              );
            await settled();
          }
          for (const { key, watch } of watches.filter((_, at) => !closed.has(at))) {
            expect(watch.healthy).toBe(seen.get(key));
          }
          expect(clock.pending).toBe(3 - closed.size);
        }
        for (const { watch } of watches) watch.close();
        expect(clock.pending).toBe(0);
      }),
    );
  });
});
