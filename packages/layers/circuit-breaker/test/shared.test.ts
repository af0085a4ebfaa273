import { type Fault, isReady } from "@pagoda/core";
import { mockService, settled, virtualClock } from "@pagoda/core/testing";
import { expect, test } from "vitest";
import { Breaker, circuitBreaker, consecutiveFailures } from "@pagoda/circuit-breaker";

const failure: Fault<"Failed"> = { _tag: "Failed", origin: "upstream", retryable: true };

test("layers with a shared breaker open and close together, and wake callers in all of them", async () => {
  const clock = virtualClock();
  const options = { trip: consecutiveFailures(1), openMs: 1_000, clock, random: () => 1 };
  const breaker = new Breaker(options);
  const mock = mockService<string, number, typeof failure>();
  const former = circuitBreaker({ ...options, breaker })(mock.service);
  const next = circuitBreaker({ ...options, breaker })(mock.service);
  const call = former.call("a");
  (await mock.next()).fail(failure);
  await call;
  expect(isReady(next)).toBe(false);
  expect(await next.call("b")).toMatchObject({ left: { _tag: "CircuitOpen" } });
  await clock.advance(1_000);
  const probe = former.call("c");
  const probed = await mock.next();
  const waits = next.ready();
  expect(waits).toBeDefined();
  await settled();
  probed.answer(1);
  await probe;
  await waits;
  expect(breaker.phase).toBe("closed");
});

test("a reset closes an open circuit, wakes callers, and ignores calls that began before", async () => {
  const clock = virtualClock();
  const events: string[] = [];
  const observer = { opened: () => events.push("opened"), closed: () => events.push("closed") };
  const options = { trip: consecutiveFailures(1), openMs: 1_000, clock, random: () => 1 };
  const breaker = new Breaker({ ...options, observer });
  const mock = mockService<string, number, typeof failure>();
  const layer = circuitBreaker({ ...options, breaker })(mock.service);
  expect(breaker.reset()).toBe(false);
  const slow = layer.call("slow");
  const late = await mock.next();
  const call = layer.call("a");
  (await mock.next()).fail(failure);
  await call;
  const waits = layer.ready();
  expect(waits).toBeDefined();
  expect(breaker.reset()).toBe(true);
  await waits;
  expect(events).toEqual(["opened", "closed"]);
  late.fail(failure);
  await slow;
  expect(breaker.phase).toBe("closed");
  const again = layer.call("b");
  (await mock.next()).fail(failure);
  await again;
  // The open time starts over.
  expect(breaker.retryAfterMs).toBe(1_000);
});
