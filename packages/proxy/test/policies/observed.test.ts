import { virtualClock } from "@pagoda/core/testing";
import { type HttpRequest, httpRequest, trailOf } from "@pagoda/http";
import { eventMetrics } from "@pagoda/metrics";
import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { observed } from "../../src/policies/observed.ts";
import { eventsOf } from "../../src/policies/policy.ts";
import { builtInPolicies } from "../../src/policies/registry.ts";

interface GateObserver {
  readonly opened?: (reason: string) => void;
  readonly refused?: (waitMs: number, request: HttpRequest) => void;
  readonly passed?: (waitMs: number, request: HttpRequest) => void;
}

const events = eventsOf<GateObserver>("gate", ["opened", "refused"], {
  passed: (ms) => `passed after ${ms} ms`,
});

function observing(also?: GateObserver) {
  const registry = new Registry();
  const clock = virtualClock();
  const observer = observed({ metrics: eventMetrics({ registry }), labels: {}, clock }, events, also);
  return { observer, clock, text: () => registry.metrics() };
}

test("an event about a call is counted and added to the trail of the call, without the request", async () => {
  const { observer, clock, text } = observing();
  await clock.advance(7);
  const request = httpRequest("http://shop.test/");
  observer.refused?.(25, request);
  expect(trailOf(request.notes)).toMatchObject([
    { source: events, name: "refused", facts: [25], at: clock.now() },
  ]);
  expect(await text()).toContain('stack_events_total{layer="gate",event="refused"} 1\n');
});

test("an event about no call is counted only", async () => {
  const { observer, text } = observing();
  observer.opened?.("too many");
  expect(await text()).toContain('stack_events_total{layer="gate",event="opened"} 1\n');
});

test("an event with a sentence only is added to the trail, and not counted", async () => {
  const { observer, text } = observing();
  const request = httpRequest("http://shop.test/");
  observer.passed?.(25, request);
  expect(trailOf(request.notes)).toHaveLength(1);
  expect(await text()).not.toContain('event="passed"');
});

test("another observer gets the events as they are", () => {
  const got: unknown[] = [];
  const { observer } = observing({
    opened: (reason) => got.push(reason),
    passed: (...all) => got.push(...all),
  });
  const request = httpRequest("http://shop.test/");
  observer.opened?.("too many");
  observer.passed?.(1, request);
  expect(got).toEqual(["too many", 1, request]);
});

/** Events about the state of a policy or about copies of calls, which need no sentence. */
const aboutNoCall: ReadonlySet<string> = new Set([
  "circuit-breaker halfOpened",
  "failfast failing",
  "failfast recovered",
  "cache storeFailed",
  "cache revalidationFailed",
  "mirror sent",
  "mirror answered",
  "mirror failed",
  "mirror skipped",
]);

test("each event of a built-in policy about a call has a sentence", () => {
  const { listener, route, cluster, endpoint } = builtInPolicies;
  const missing = new Set<string>();
  for (const { events: its } of [...listener, ...route, ...cluster, ...endpoint]) {
    const { layer = "", names = [], texts = {} } = its ?? {};
    for (const name of names) if (!(name in texts)) missing.add(`${layer} ${name}`);
  }
  expect(missing).toEqual(aboutNoCall);
});
