import type { Fault } from "@pagoda/core";
import { HttpHeaders, httpRequest, httpResponse, noteEvent } from "@pagoda/http";
import type { CallEnd } from "@pagoda/metrics";
import { routeTable } from "@pagoda/router";
import { expect, test } from "vitest";
import { eventsOf } from "../../src/policies/policy.ts";
import { Recorder, type RecorderSettings } from "../../src/recorder/recorder.ts";

const settings: RecorderSettings = { keep: 10, slow: 1_000, sample: 0, headers: [] };
const table = routeTable([
  { name: "api", match: { path: { prefix: "/api" } }, cluster: "shop" },
  { name: "all", cluster: "shop" },
]);

function recorder(given: Partial<RecorderSettings> = {}, random: () => number = () => 0) {
  const made = new Recorder({
    settings: { ...settings, ...given },
    endpoints: () => ({
      total: 1,
      blocked: [],
      shown: [
        {
          endpoint: "http://a",
          succeeded: 0,
          failed: 1,
          timedOut: 0,
          recent: { succeeded: 0, failed: 1, timedOut: 0 },
        },
      ],
    }),
    random,
  });
  const observer = made.observer("main", table);
  return { recorder: made, ended: observer.ended as NonNullable<typeof observer.ended> };
}

function failing(given: Partial<CallEnd> = {}): CallEnd {
  const fault: Fault = { _tag: "ConnectFailed", origin: "upstream", retryable: true, cause: new Error("no") };
  const request = httpRequest("http://shop.test/api/cart?token=secret", {
    headers: HttpHeaders.of([
      ["authorization", "Bearer secret"],
      ["user-agent", "curl"],
      ["traceparent", `00-${"a".repeat(32)}-${"b".repeat(16)}-01`],
    ]),
  });
  Object.assign(request.notes, { route: "api", cluster: "shop" });
  const identified = { ...request, requestId: "id-1" };
  return {
    request: identified,
    signal: undefined,
    response: httpResponse(502),
    fault,
    isComplete: true,
    grpcStatus: undefined,
    startedAt: 0,
    endedAt: 5,
    ...given,
  };
}

test("a failed call is found by its request id and by its trace id", () => {
  const { recorder: made, ended } = recorder();
  ended(failing());
  for (const id of ["id-1", "a".repeat(32)])
    expect(made.find({ id, limit: 10 })).toMatchObject([
      { id: "id-1", reason: "failed", status: 502, fault: { tag: "ConnectFailed", cause: "no" } },
    ]);
  expect(made.find({ id: "id-2", limit: 10 })).toEqual([]);
});

test("nothing of the query, of header fields or bodies is kept", () => {
  const { recorder: made, ended } = recorder();
  ended(failing());
  expect(JSON.stringify(made.find({ limit: 10 }))).not.toContain("secret");
});

test("header fields named in the settings are kept, and no others", () => {
  const { recorder: made, ended } = recorder({ headers: ["user-agent"] });
  ended(failing());
  expect(made.find({ limit: 10 })[0]?.headers).toEqual({
    request: { "user-agent": ["curl"] },
    response: {},
  });
});

test("a route is shown with what it matched and the routes that it took precedence over", () => {
  const { recorder: made, ended } = recorder();
  ended(failing());
  expect(made.find({ limit: 10 })[0]?.route).toEqual({
    name: "api",
    match: "prefix /api",
    beat: [{ route: "all", by: "path" }],
  });
});

test("events are told in the words of their policy, and by name and facts without any", () => {
  const events = eventsOf<{ readonly held?: (ms: number) => void }>("gate", ["held"], {
    held: (ms) => `held for ${ms} ms`,
  });
  const { recorder: made, ended } = recorder();
  const call = failing();
  noteEvent(call.request.notes, events, "held", [12], 3);
  noteEvent(call.request.notes, "transport", "resent", [], 4);
  noteEvent(call.request.notes, "gate", "shut", [7], 5);
  ended(call);
  expect(made.find({ limit: 10 })[0]?.trail).toMatchObject([
    { layer: "gate", event: "held", atMs: 3, facts: [12], text: "gate: held for 12 ms" },
    {
      layer: "transport",
      event: "resent",
      atMs: 4,
      facts: [],
      text: "transport: sent again: the origin had closed the kept connection",
    },
    { layer: "gate", event: "shut", atMs: 5, facts: [7], text: "gate: shut 7" },
  ]);
});

test("text of clients and origins is cut, and cannot control a terminal", () => {
  const { recorder: made, ended } = recorder();
  const fault: Fault = {
    _tag: "Odd",
    origin: "upstream",
    retryable: false,
    cause: `\u001B[2J${"x".repeat(10_000)}`,
  };
  ended(failing({ fault }));
  const text = JSON.stringify(made.find({ limit: 10 }));
  expect(text).not.toMatch(/\\u001b/i);
  expect(text.length).toBeLessThan(2_000);
});

test("a call with the longest trail and texts takes at most 32 KiB", () => {
  const { recorder: made, ended } = recorder({ headers: ["x-long"] });
  const long = "x".repeat(60_000);
  const base = failing();
  const request = { ...base.request, headers: HttpHeaders.of([["x-long", long]]), path: `/${long}` };
  const facts = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`f${n}`, long]));
  for (let n = 0; n < 1_000; n++) noteEvent(request.notes, "any", "happened", [facts], n);
  ended({ ...base, request });
  expect(JSON.stringify(made.find({ limit: 10 })[0]).length).toBeLessThan(32 * 1_024);
});

test("samples are taken by their ratio", () => {
  let drawn = 0.5;
  const { recorder: made, ended } = recorder({ sample: 0.1 }, () => drawn);
  const fine = failing({ fault: undefined, response: httpResponse(200) });
  ended(fine);
  expect(made.find({ limit: 10 })).toEqual([]);
  drawn = 0.05;
  ended(fine);
  expect(made.find({ limit: 10 })).toMatchObject([{ reason: "sampled" }]);
});

test("nothing is kept with keep 0", () => {
  const { recorder: made, ended } = recorder({ keep: 0 });
  ended(failing());
  expect(made.find({ limit: 10 })).toEqual([]);
});

test.each([
  [{ reasons: ["failed"] as const }, 1],
  [{ reasons: ["slow", "refused"] as const }, 0],
  [{ route: "api" }, 1],
  [{ route: "all" }, 0],
  [{ cluster: "shop" }, 1],
  [{ status: "5xx" }, 1],
  [{ status: "502" }, 1],
  [{ status: "4xx" }, 0],
  [{ endpoint: "http://a" }, 0],
  [{ since: 0 }, 1],
  [{ since: 8.64e15 }, 0],
])("a query for %j finds %i calls", (query, found) => {
  const { recorder: made, ended } = recorder();
  ended(failing());
  expect(made.find({ ...query, limit: 10 })).toHaveLength(found);
});
