import type { EndpointStatus } from "@pagoda/balance";
import { aborted, left, outcomeOfError, timeoutError } from "@pagoda/core";
import { virtualClock } from "@pagoda/core/testing";
import { callNotes, tryBegan, tryEnded } from "@pagoda/http";
import { describe, expect, test } from "vitest";
import { Outcomes, recentMs } from "../../src/data-plane/outcomes.ts";
import { endpointTroubles, troublesOf, troublesText, type Watched } from "../../src/data-plane/troubles.ts";

const none = { succeeded: 0, failed: 0, timedOut: 0 };
const quiet = { ...none, recent: none, consecutiveFailures: 0 };
const open = (forMs: number) => ({ cause: "circuit open", detail: "success-rate", forMs });

function endpoint(key: string, given: Partial<EndpointStatus> = {}): EndpointStatus {
  return {
    key,
    healthy: true,
    ready: true,
    pending: 0,
    share: 1,
    estimateMs: undefined,
    health: [],
    ...given,
  };
}

function ejected(key: string, returnsInMs: number): EndpointStatus {
  const state = { returnsInMs };
  const health = [{ source: "outlier-detection", healthy: false, reason: "success-rate", state }];
  return endpoint(key, { healthy: false, health });
}

function troublesOfAll(
  endpoints: readonly EndpointStatus[],
  blocked: Readonly<Record<string, Watched["blocked"]>>,
  panicking = false,
) {
  return endpointTroubles(endpoints.length, () => ({
    balancer: { strategy: "any", panicking, endpoints },
    calls: (key) => ({ ...quiet, blocked: blocked[key] ?? [] }),
  }));
}

describe("endpoints that take no calls", () => {
  test("are counted by cause, with the time until the first of them is back", () => {
    const all = [
      endpoint("d"),
      endpoint("c", { ready: false }),
      ejected("a", 30_000),
      ejected("b", 12_000),
      endpoint("e", { ready: false }),
    ];
    const { blocked, shown } = troublesOfAll(all, { c: [open(4_000)] });
    expect(blocked).toEqual([
      { cause: "ejected", count: 2, forMs: 12_000 },
      { cause: "circuit open", count: 1, forMs: 4_000 },
      { cause: "no free capacity", count: 1, forMs: undefined },
    ]);
    expect(shown.map((each) => [each.endpoint, each.reason, each.forMs])).toEqual([
      ["c", "circuit open: success-rate", 4_000],
      ["a", "ejected: success-rate", 30_000],
      ["b", "ejected: success-rate", 12_000],
      ["e", "no free capacity", undefined],
      ["d", undefined, undefined],
    ]);
  });

  test("are, while health is ignored, only those that are not ready", () => {
    const all = [ejected("a", 30_000), { ...ejected("b", 30_000), ready: false }];
    const { blocked } = troublesOfAll(all, { b: [open(4_000)] }, true);
    expect(blocked).toEqual([{ cause: "circuit open", count: 1, forMs: 4_000 }]);
  });
});

test.each([
  [[], "the last 5 calls failed; still gets requests: no health check or outlier detection is configured"],
  [["health-check"], "health checks pass, but the last 5 calls failed"],
  [["outlier-detection"], "the last 5 calls failed, but it is not ejected"],
  [["health-check", "outlier-detection"], "health checks pass, but the last 5 calls failed"],
])("an endpoint that fails but gets calls is explained with %j", (sources, text) => {
  const health = sources.map((source) => ({ source, healthy: true, reason: undefined, state: {} }));
  const troubles = troublesOf(endpoint("a", { health }), { consecutiveFailures: 5, blocked: [] });
  expect(troublesText(troubles)).toBe(text);
});

test("an endpoint whose circuit is open is not said to get calls", () => {
  const troubles = troublesOf(endpoint("a", { ready: false }), {
    consecutiveFailures: 5,
    blocked: [open(4_000)],
  });
  expect(troublesText(troubles)).toBe("the last 5 calls failed; circuit open: success-rate");
});

test("outcomes are recent for 5 minutes", async () => {
  const clock = virtualClock();
  const outcomes = new Outcomes(clock);
  const watch = outcomes.watch({ key: "a" });
  const end = (kind: "success" | "failure") => watch.ended?.({ kind, retryable: false });
  for (const kind of ["success", "success", "failure"] as const) end(kind);
  expect(outcomes.recentOf("a")).toEqual({ succeeded: 2, failed: 1, timedOut: 0 });
  await clock.advance(recentMs - 60_000);
  end("success");
  expect(outcomes.recentOf("a")).toEqual({ succeeded: 3, failed: 1, timedOut: 0 });
  await clock.advance(60_000);
  expect(outcomes.recentOf("a")).toEqual({ succeeded: 1, failed: 0, timedOut: 0 });
  expect(outcomes.of("a")).toEqual({ succeeded: 3, failed: 1, timedOut: 0, consecutiveFailures: 0 });
  await clock.advance(recentMs);
  expect(outcomes.recentOf("a")).toEqual(none);
});

test("a call that a time limit gave up is counted as timed out, and told with its reason", async () => {
  const clock = virtualClock();
  const outcomes = new Outcomes(clock);
  const watch = outcomes.watch({ key: "http://a" });
  const limit = new AbortController();
  limit.abort(timeoutError("no answer within 1000 ms"));
  const fault = aborted(limit.signal);
  const notes = callNotes();
  tryEnded(notes, tryBegan(notes, "http://a", 0), left(fault), 1_000, true);
  watch.ended?.(outcomeOfError(fault), { notes });
  await clock.advance(2_000);
  expect(outcomes.recentOf("http://a")).toEqual({ succeeded: 0, failed: 0, timedOut: 1 });
  expect(outcomes.of("http://a")).toEqual({ ...none, timedOut: 1, consecutiveFailures: 0 });
  expect(outcomes.lastFailureOf("http://a")).toEqual({ agoMs: 2_000, text: "no answer within 1 s" });
});

test("a call whose caller left is not counted", () => {
  const outcomes = new Outcomes(virtualClock());
  const gone = new AbortController();
  gone.abort();
  outcomes.watch({ key: "a" }).ended?.(outcomeOfError(aborted(gone.signal)));
  expect(outcomes.of("a")).toEqual({ ...none, consecutiveFailures: 0 });
  expect(outcomes.lastFailureOf("a")).toBeUndefined();
});
