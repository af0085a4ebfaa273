import { expect, test } from "vitest";
import type { CallRecord } from "../../src/recorder/call-record.ts";
import { causesOf, causesText } from "../../src/recorder/causes.ts";
import { story } from "../../src/recorder/story.ts";

const start = Date.parse("2026-12-01T09:30:00Z");

/** A call that ended so many seconds after the start. */
function call(second: number, given: Partial<CallRecord> = {}): CallRecord {
  return {
    id: `id-${second}`,
    reason: "failed",
    time: new Date(start + second * 1_000 - 5).toISOString(),
    durationMs: 5,
    worker: 0,
    listener: "main",
    method: "GET",
    scheme: "http",
    authority: "shop",
    path: `/${second}`,
    route: { name: "api", beat: [] },
    cluster: "shop",
    upstream: "http://a",
    status: 500,
    ending: "complete",
    trail: [],
    ...given,
  };
}

const slow = (second: number, tookMs: number): CallRecord =>
  call(second, {
    reason: "slow",
    status: 200,
    trail: [{ kind: "try", upstream: "http://a", atMs: 0, tookMs, status: 200 }],
  });

const recovered = (second: number, by: string): CallRecord =>
  call(second, {
    reason: "recovered",
    status: 200,
    upstream: by,
    trail: [
      { kind: "try", upstream: "http://dead", atMs: 0, tookMs: 1, status: 503 },
      { kind: "try", upstream: by, atMs: 1, tookMs: 1, status: 200 },
    ],
  });

test("calls with one cause are counted together, whatever times were measured", () => {
  const noneReady = (second: number, forMs: number): CallRecord =>
    call(second, {
      reason: "refused",
      status: 503,
      fault: { tag: "NoEndpointReady", origin: "local", facts: {} },
      endpoints: { total: 1, blocked: [{ cause: "ejected", count: 1, forMs }], shown: [] },
    });
  const causes = causesOf([
    call(1),
    call(2),
    slow(3, 1_200),
    slow(4, 2_500),
    noneReady(5, 4_000),
    noneReady(6, 90_000),
    recovered(7, "http://b"),
    recovered(8, "http://c"),
  ]);
  expect(causes.map(({ count, newest, text }) => [count, newest.id, text])).toEqual([
    [2, "id-8", "retried, then succeeded after 1 failed try: http://dead answered 503"],
    [2, "id-6", "refused by the proxy: NoEndpointReady: of 1 endpoints 1 ejected (for 2 min more)"],
    [2, "id-4", "slow: http://a took 2500 ms"],
    [2, "id-2", "http://a answered 500"],
  ]);
});

test.each([
  ["route", { route: { name: "other", beat: [] } }],
  ["listener", { listener: "other" }],
  ["origin", { upstream: "http://b" }],
  ["status", { status: 501 }],
  ["reason", { reason: "sampled" }],
] as const)("another %s makes another cause", (_what, given) => {
  expect(causesOf([call(1), call(2, given)])).toHaveLength(2);
});

test("causes are told with their number, since when, the newest call and what to do", () => {
  const refused = (second: number): CallRecord =>
    call(second, { reason: "refused", status: 429, upstream: "http://a" });
  const fine = call(58, { reason: "sampled", status: 200 });
  expect(causesText([fine, refused(50), refused(48), refused(0), call(10)], start + 60_000)).toBe(
    `×3 in the last 1 min: refused by http://a with 429
    newest: id-50, GET shop/50 → 429 in 5 ms, 10 s ago
    listener main, route api
    hint: the origin limits the rate, not the proxy

×1, 50 s ago: http://a answered 500
    newest: id-10, GET shop/10 → 500 in 5 ms, 50 s ago
    listener main, route api
    hint: /clusters has the present state of each endpoint of shop

×1, 2 s ago: no trouble
    newest: id-58, GET shop/58 → 200 in 5 ms, 2 s ago
    listener main, route api`,
  );
});

test("more than 20 causes are only counted", () => {
  const calls = Array.from({ length: 25 }, (_, n) => call(n, { upstream: `http://${n}` }));
  const text = causesText(calls, start);
  expect(text.match(/^×1/gm)).toHaveLength(20);
  expect(text).toMatch(/\n\nand 5 more causes$/);
});

test("the story of a call begins with its age", () => {
  expect(story(call(0), start + 540_000)).toMatch(
    /^9 min ago: GET shop\/0 → 500 in 5 ms: http:\/\/a answered 500\n/,
  );
  // The clock of another machine may be behind.
  expect(story(call(0), start - 1_000)).toMatch(/^0 ms ago: /);
});
