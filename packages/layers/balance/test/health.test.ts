import {
  type Classifier,
  type Endpoint,
  type HealthSource,
  left,
  oneshot,
  right,
  service,
  staticEndpoints,
} from "@pagoda/core";
import { httpResponse } from "@pagoda/http";
import { mockService, settled, virtualClock } from "@pagoda/core/testing";
import { describe, expect, expectTypeOf, test } from "vitest";
import { balance, leastRequest } from "@pagoda/balance";
import { balancing, notes, refused } from "./balancing.ts";
import { Operator } from "./operator.ts";

describe("health", () => {
  test("an unhealthy endpoint gets no calls until it is healthy", () => {
    const operator = new Operator();
    const { spread } = balancing(["a", "b", "c"], { health: [operator] });
    operator.say("b", false);
    expect(spread(4)).toBe("a2 c2");
    operator.say("b", true);
    expect(spread(6)).toBe("a2 b2 c2");
  });

  test("an endpoint that is unhealthy when added gets no calls", () => {
    const operator = new Operator("operator", { ill: ["c"] });
    const { spread, set } = balancing(["a", "b"], { health: [operator] });
    set("a", "b", "c");
    expect(spread(4)).toBe("a2 b2");
  });

  test("all sources must agree", () => {
    const { events, observer } = notes();
    const [one, other] = [new Operator("one"), new Operator("other")];
    const { spread, stateOf } = balancing(["a", "b", "c"], { health: [one, other], observer });
    one.say("a", false);
    other.say("a", false);
    one.say("a", true);
    expect(spread(2)).toBe("b1 c1");
    expect(stateOf("a")).toMatchObject({ healthy: false, one: { ill: false }, other: { ill: true } });
    other.say("a", true);
    expect(stateOf("a")).toMatchObject({ healthy: true });
    expect(events.slice(3)).toEqual(["a ill", "a well"]);
  });

  test("is reported to the observer only when it changes", () => {
    const { events, observer } = notes();
    const operator = new Operator();
    const { set } = balancing(["a", "b", "c"], { health: [operator], observer });
    operator.say("a", true);
    operator.say("a", false);
    operator.say("a", false);
    set("b", "d");
    expect(events).toEqual(["a added", "b added", "c added", "a ill", "d added", "a removed", "c removed"]);
  });

  test("many changes at once take one pass over the endpoints (defect: one for each)", async () => {
    const operator = new Operator();
    const keys = Array.from({ length: 100 }, (_, at) => `e${at}`);
    let passes = 0;
    const strategy = { ...leastRequest(), update: () => void passes++ };
    const { balanced } = balancing(keys, { health: [operator], strategy, panicThreshold: 0 });
    passes = 0;
    for (const key of keys) operator.say(key, false);
    await settled();
    expect(passes).toBe(1);
    expect(balanced.status().endpoints.filter(({ healthy }) => healthy)).toEqual([]);
    expect(passes).toBe(1);
  });

  test("a watch is closed when its endpoint is removed, and ignored from then on", () => {
    const { events, observer } = notes();
    const operator = new Operator();
    const { set, spread } = balancing(["a", "b"], { health: [operator], observer });
    const late = operator.watched.get("a");
    set("b");
    expect([...operator.watched.keys()]).toEqual(["b"]);
    operator.say("a", false);
    late?.();
    expect(events).not.toContain("a ill");
    expect(spread(2)).toBe("b2");
  });

  test("of other endpoints may change while one is added or removed", () => {
    // At most one is unhealthy: an added endpoint makes all others healthy, a removed one makes
    // another unhealthy.
    const changes = new Map<string, () => void>();
    let ill: string | undefined = "a";
    const jealous: HealthSource = {
      name: "jealous",
      watch({ key }, changed) {
        const before = ill;
        ill = key;
        if (before !== undefined) changes.get(before)?.();
        changes.set(key, changed);
        return {
          get healthy() {
            return ill !== key;
          },
          state: () => ({}),
          close() {
            changes.delete(key);
            if (ill !== key) return;
            [ill] = changes.keys();
            changes.get(ill as string)?.();
          },
        };
      },
    };
    const { spread, set } = balancing(["a", "b", "c"], { health: [jealous] });
    expect(spread(2)).toBe("a1 b1");
    set("a", "b", "c", "d");
    expect(spread(3)).toBe("a1 b1 c1");
    set("a", "b", "c");
    expect(spread(2)).toBe("b1 c1");
  });

  test("a source may change while another starts to watch the endpoint (defect: broke the balancer)", () => {
    const first = new Operator("first");
    const second: HealthSource = {
      name: "second",
      watch({ key }) {
        first.say(key, key !== "b");
        return { healthy: true, state: () => ({}), close() {} };
      },
    };
    const { spread } = balancing(["a", "b", "c"], { health: [first, second] });
    expect(spread(4)).toBe("a2 c2");
  });

  test("a waiting caller gets an endpoint that becomes healthy", async () => {
    const operator = new Operator("operator", { ill: ["a"] });
    const { balanced, mock } = balancing(["a"], { health: [operator], panicThreshold: 0.5 });
    // In a panic even that one is called; with a threshold of 0, none is.
    expect(balanced.ready()).toBe(undefined);
    const strict = balancing(["a", "b"], { health: [operator], panicThreshold: 0 });
    operator.say("b", false);
    const results = ["1", "2"].map((request) => oneshot(strict.balanced, request));
    await settled();
    expect(strict.mock("a").calls.length + mock("a").calls.length).toBe(0);
    operator.say("a", true);
    await settled();
    expect(strict.mock("a").calls.map(({ request }) => request)).toEqual(["1", "2"]);
    for (const call of strict.mock("a").calls) call.answer("done");
    expect(await Promise.all(results)).toEqual([right("done"), right("done")]);
  });
});

describe("sources that learn", () => {
  test("receive each call once, as classified", async () => {
    const classifier: Classifier = {
      outcome: (result) => ({
        kind: result._tag === "Right" && result.right === "slow down" ? "limited" : "success",
        retryable: false,
      }),
      discard() {},
    };
    const [learner, deaf] = [new Operator("learner", { learns: true }), new Operator("deaf")];
    const { balanced, mock } = balancing(["a"], { health: [learner, deaf], classifier });
    const results = [balanced.call("1"), balanced.call("2")];
    (await mock("a").next()).answer("slow down");
    (await mock("a").next()).fail(refused);
    expect(await Promise.all(results)).toEqual([right("slow down"), left(refused)]);
    expect(learner.learned).toEqual(["a limited", "a success"]);
    expect(deaf.learned).toEqual([]);
  });

  test("receive errors as they classify themselves by default", async () => {
    const learner = new Operator("learner", { learns: true });
    const { balanced, mock } = balancing(["a"], { health: [learner], strategy: leastRequest() });
    const results = [balanced.call("1"), balanced.call("2"), balanced.call("3"), balanced.call("4")];
    (await mock("a").next()).answer("fine");
    (await mock("a").next()).fail(refused);
    (await mock("a").next()).fail({ ...refused, origin: "local" });
    (await mock("a").next()).reject(new Error("a defect"));
    await Promise.allSettled(results);
    expect(learner.learned).toEqual(["a success", "a failure", "a neutral"]);
  });

  test("receive calls that end after the endpoint is removed", async () => {
    const learner = new Operator("learner", { learns: true });
    const { balanced, mock, set } = balancing(["a", "b"], { health: [learner] });
    const result = balanced.call("1");
    set("b");
    (await mock("a").next()).answer("late");
    expect(await result).toEqual(right("late"));
    expect(learner.learned).toEqual(["a success"]);
  });

  test("a classifier that throws ends the call (defect: left it pending forever)", async () => {
    const classifier: Classifier = {
      outcome() {
        throw new Error("of the classifier");
      },
      discard() {},
    };
    const learner = new Operator("learner", { learns: true });
    const { balanced, mock, stateOf } = balancing(["a"], { health: [learner], classifier });
    const result = balanced.call("1");
    (await mock("a").next()).answer("fine");
    await expect(result).rejects.toThrow("of the classifier");
    expect(stateOf("a")).toMatchObject({ pending: 0 });
  });
});

describe("types of health sources", () => {
  interface Zoned extends Endpoint {
    readonly zone: string;
  }
  const connect = () => mockService<string, string>().service;
  const ofZones: HealthSource<Zoned> = {
    name: "zones",
    watch: ({ zone }) => ({ healthy: zone !== "dark", state: () => ({ zone }), close() {} }),
  };

  test("a source that reads endpoints gets those of the discovery", () => {
    const discovery = staticEndpoints<Zoned>([{ key: "a", zone: "dark" }]);
    const balanced = balance({ discovery, connect, health: [ofZones, new Operator()] });
    expect(balanced.describe().state).toMatchObject({ healthy: 0 });
    expectTypeOf<HealthSource>().toExtend<HealthSource<Zoned>>();
  });

  test("a source that requires more of an endpoint does not compile", () => {
    const discovery = staticEndpoints([{ key: "a" }]);
    // @ts-expect-error: the source requires endpoints with a zone, and this discovery has none.
    const balanced = balance({ discovery, connect, health: [ofZones] });
    expect(balanced.describe().state).toMatchObject({ endpoints: 1 });
  });
});

// Defect: without `httpClassifier()`, health sources and strategies counted a 503 as a success.
test("health sources receive HTTP responses by status, without a classifier", async () => {
  const learner = new Operator("learner", { learns: true });
  const statuses = [200, 503, 429];
  const balanced = balance({
    discovery: staticEndpoints([{ key: "a" }]),
    connect: () =>
      service("origin", async (_request: string) => right(httpResponse(statuses.shift() ?? 200))),
    health: [learner],
    clock: virtualClock(),
  });
  for (let n = 0; n < 3; n++) await balanced.call("a");
  expect(learner.learned).toEqual(["a success", "a failure", "a limited"]);
});
