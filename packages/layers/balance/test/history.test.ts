import { seededRandom, virtualClock } from "@pagoda/core/testing";
import { endpointHistory, leastRequest, peakEwma } from "@pagoda/balance";
import { right } from "@pagoda/core";
import { describe, expect, test } from "vitest";
import { type Balancing, balancing } from "./balancing.ts";
import { Operator } from "./operator.ts";

/** Two balancers with one history and one clock, as over a change of configuration. */
function shared(options: Parameters<typeof balancing>[1] = {}) {
  const history = endpointHistory();
  const clock = virtualClock();
  const make = (endpoints: readonly string[], more: typeof options = {}): Balancing =>
    balancing(endpoints, { history, clock, slowStart: { ms: 10_000 }, ...options, ...more });
  return { clock, make };
}

describe("a history", () => {
  const ewma = (): object => ({ strategy: peakEwma({ random: seededRandom(1) }) });

  test("keeps the latency estimates of endpoints that stay", async () => {
    const { clock, make } = shared();
    const before = make(["a", "b"], ewma());
    const call = before.balanced.call("request");
    const called = before.mock("a").calls.length > 0 ? "a" : "b";
    await clock.advance(700);
    (await before.mock(called).next()).answer("yes");
    expect(await call).toEqual(right("yes"));
    const after = make(["a", "b", "c"], ewma());
    before.balanced.close();
    expect(after.stateOf(called)).toMatchObject({ estimateMs: 700 });
    expect(after.stateOf("c")).toMatchObject({ estimateMs: 30 });
  });

  test("takes note of calls that end in the earlier balancer", async () => {
    const { clock, make } = shared();
    const before = make(["a"], ewma());
    void before.balanced.call("request");
    const after = make(["a"], ewma());
    await clock.advance(700);
    (await before.mock("a").next()).answer("yes");
    await clock.advance(0);
    expect(after.stateOf("a")).toMatchObject({ estimateMs: 700 });
  });

  test("forgets an endpoint that no balancer has, and the estimates of another strategy", async () => {
    const { clock, make } = shared();
    const before = make(["a"], ewma());
    void before.balanced.call("request");
    await clock.advance(700);
    (await before.mock("a").next()).answer("yes");
    await clock.advance(0);
    const other = make(["a"], { strategy: peakEwma({ initialMs: 20 }) });
    expect(other.stateOf("a")).toMatchObject({ estimateMs: 20 });
    other.balanced.close();
    before.balanced.close();
    expect(make(["a"], ewma()).stateOf("a")).toMatchObject({ estimateMs: 30 });
  });

  test("slow start continues, for the duration of the new balancer", async () => {
    const { clock, make } = shared({ strategy: leastRequest() });
    const before = make(["a"]);
    before.set("a", "b");
    await clock.advance(5_000);
    const after = make(["a", "b"], { slowStart: { ms: 20_000 } });
    before.balanced.close();
    expect(after.stateOf("a")).not.toHaveProperty("share");
    expect(after.stateOf("b")).toMatchObject({ share: 0.25 });
    await clock.advance(15_000);
    expect(after.stateOf("b")).not.toHaveProperty("share");
  });

  test("a healthy endpoint does not start slowly again when the new balancer first finds it healthy", () => {
    const { make } = shared({ strategy: leastRequest() });
    const before = make(["a", "b"], { health: [new Operator()] });
    const operator = new Operator();
    operator.say("b", false);
    const after = make(["a", "b"], { health: [operator] });
    before.balanced.close();
    operator.say("b", true);
    expect(after.stateOf("b")).not.toHaveProperty("share");
    operator.say("b", false);
    operator.say("b", true);
    expect(after.stateOf("b")).toMatchObject({ share: 0.1 });
  });
});
