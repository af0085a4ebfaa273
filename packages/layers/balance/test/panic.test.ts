import { mockService } from "@pagoda/core/testing";
import { left } from "@pagoda/core";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { balance } from "@pagoda/balance";
import { balancing, notes } from "./balancing.ts";
import { fakeDiscovery } from "./fake-discovery.ts";
import { Operator } from "./operator.ts";

describe("panic", () => {
  test("ignores health while fewer than half of the endpoints are healthy", () => {
    const { events, observer } = notes();
    const operator = new Operator();
    const { spread, balanced } = balancing(["a", "b", "c", "d"], { health: [operator], observer });
    operator.say("a", false);
    operator.say("b", false);
    expect(spread(2)).toBe("c1 d1");
    operator.say("c", false);
    expect(spread(4)).toBe("a1 b1 c1 d1");
    expect(balanced.describe().state).toEqual({ endpoints: 4, healthy: 1, panicking: true });
    operator.say("d", false);
    operator.say("a", true);
    operator.say("b", true);
    expect(spread(2)).toBe("a1 b1");
    expect(events.filter((each) => /panic|calm/u.test(each))).toEqual(["panic", "calm"]);
  });

  test("counts endpoints that were withdrawn, and gives them no calls", async () => {
    const health = new Operator("checks");
    const operator = new Operator("operator", { withdraws: true });
    const { spread, balanced } = balancing(["a", "b", "c"], { health: [health, operator] });
    operator.say("a", false);
    health.say("b", false);
    expect(spread(4)).toBe("b2 c2");
    // It is unhealthy already: only its withdrawal changes.
    operator.say("b", false);
    expect(spread(2)).toBe("c2");
    operator.say("c", false);
    expect(balanced.describe().state).toEqual({ endpoints: 3, healthy: 0, panicking: true });
    expect(await balanced.call("1")).toMatchObject(left({ _tag: "NoEndpointReady", usable: 0 }));
    operator.say("b", true);
    expect(spread(2)).toBe("b2");
  });

  test("starts and ends when endpoints are added or removed", () => {
    const { events, observer } = notes();
    const operator = new Operator("operator", { ill: ["a", "b"] });
    const { set } = balancing(["a", "b", "c", "d"], { health: [operator], observer });
    set("a", "b", "c");
    set("a", "b", "c", "e");
    set();
    expect(events.filter((each) => /panic|calm/u.test(each))).toEqual(["panic", "calm"]);
  });

  test.each([
    [0, "none"],
    [0.2, "none"],
    [0.21, "all"],
    [1, "all"],
  ] as const)(
    "with a threshold of %d and one of five healthy, calls also go to %s",
    (panicThreshold, called) => {
      const operator = new Operator("operator", { ill: ["a", "b", "c", "d"] });
      const { spread } = balancing(["a", "b", "c", "d", "e"], { health: [operator], panicThreshold });
      expect(spread(5)).toBe(called === "none" ? "e5" : "a1 b1 c1 d1 e1");
    },
  );

  test("if disabled, a call fails while no endpoint is healthy", async () => {
    const operator = new Operator("operator", { ill: ["a", "b"] });
    const { balanced } = balancing(["a", "b"], { health: [operator], panicThreshold: 0 });
    expect(await balanced.call("1")).toEqual(
      left({ _tag: "NoEndpointReady", origin: "local", retryable: true, endpoints: 2, usable: 0 }),
    );
  });

  test.each([-0.1, 1.1, Number.NaN])("rejects a threshold of %d", (panicThreshold) => {
    const { discovery } = fakeDiscovery(["a"]);
    expect(() =>
      balance({ discovery, connect: () => mockService<string, string>().service, panicThreshold }),
    ).toThrow(new RangeError(`balance: panicThreshold must be a number from 0 to 1 (got ${panicThreshold})`));
  });

  test("property: calls go to exactly the healthy endpoints, or to all in a panic", () => {
    const keys = ["a", "b", "c", "d", "e"];
    const step = fc.record({
      key: fc.constantFrom(...keys),
      how: fc.constantFrom("ill", "well", "come", "go"),
    });
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 40 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (steps, threshold) => {
          const operator = new Operator();
          const { spread, set } = balancing([], { health: [operator], panicThreshold: threshold });
          const present = new Set<string>();
          const ill = new Set<string>();
          for (const { key, how } of steps) {
            if (how === "come") present.add(key);
            if (how === "go") present.delete(key);
            if (how === "ill") ill.add(key);
            if (how === "well") ill.delete(key);
            if (how === "ill" || how === "well") operator.say(key, how === "well");
            else set(...present);
            const fit = [...present].filter((each) => !ill.has(each));
            const usable = fit.length < present.size * threshold ? [...present] : fit;
            const reached = spread(usable.length).replaceAll("1", "").split(" ").filter(Boolean);
            expect(reached.toSorted()).toEqual(usable.toSorted());
          }
        },
      ),
    );
  });
});
