import { type Endpoint, isReady, left, oneshot, right, type Service } from "@pagoda/core";
import { mockService, settled } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";
import { balance, type BalanceOptions, type Strategy, weightedRoundRobin } from "@pagoda/balance";
import { balancing, type Refused, refused } from "./balancing.ts";
import { fakeDiscovery } from "./fake-discovery.ts";
import { Operator } from "./operator.ts";

type Connect = BalanceOptions<Endpoint, string, string, Refused>["connect"];

/** Endpoints that close their connections at the end, and those that have done so. */
function connections() {
  const ended: string[] = [];
  const mock = mockService<string, string, Refused>();
  const connect: Connect = ({ key }, atEnd) => {
    atEnd(() => ended.push(key));
    atEnd(() => ended.push(`${key} too`));
    return mock.service as Service<string, string, Refused>;
  };
  return { ended, mock, connect };
}

describe("atEnd of an endpoint", () => {
  test("runs at once if it is removed without pending calls", () => {
    const { ended, connect } = connections();
    const { set } = balancing(["a", "b"], { connect });
    expect(ended).toEqual([]);
    set("b");
    expect(ended).toEqual(["a", "a too"]);
  });

  test("runs once, after its last call has ended in any way", async () => {
    const { ended, mock, connect } = connections();
    const { balanced, set } = balancing(["a"], { connect });
    const results = Promise.allSettled(["1", "2", "3"].map((request) => balanced.call(request)));
    set("b");
    (await mock.next()).answer("one");
    await settled();
    (await mock.next()).reject(new Error("a defect"));
    await settled();
    expect(ended).toEqual([]);
    (await mock.next()).fail(refused);
    await results;
    expect(ended).toEqual(["a", "a too"]);
    set();
    set("a");
    expect(ended).toEqual(["a", "a too", "b", "b too"]);
  });

  test("does not run while the endpoint is present, however often it is idle", async () => {
    const { ended, mock, connect } = connections();
    const { balanced } = balancing(["a"], { connect });
    for (const request of ["1", "2"]) {
      const result = balanced.call(request);
      (await mock.next()).answer("done");
      expect(await result).toEqual(right("done"));
    }
    expect(ended).toEqual([]);
  });

  test("runs even if the service throws", async () => {
    const { ended, connect } = connections();
    const broken: Connect = (endpoint, atEnd) => ({
      ...connect(endpoint, atEnd),
      call() {
        throw new Error("a defect");
      },
    });
    const { balanced, set, stateOf } = balancing(["a"], { connect: broken });
    await expect(balanced.call("1")).rejects.toThrow("a defect");
    expect(stateOf("a")).toMatchObject({ pending: 0 });
    set();
    expect(ended).toEqual(["a", "a too"]);
  });
});

describe("closing a balancer", () => {
  test("ends its endpoints, watches and subscription, and lets calls end", async () => {
    const { ended, mock, connect } = connections();
    const operator = new Operator("operator", { learns: true });
    const { balanced, fake, set } = balancing(["a", "b"], { connect, health: [operator] });
    const result = balanced.call("1");
    balanced.close();
    expect(fake.listeners).toBe(0);
    expect(operator.watched.size).toBe(0);
    expect(ended).toEqual(["b", "b too"]);
    expect(isReady(balanced)).toBe(false);
    expect(await balanced.call("2")).toEqual(
      left({ _tag: "NoEndpointReady", origin: "local", retryable: true, endpoints: 0, usable: 0 }),
    );
    (await mock.next()).answer("one");
    expect(await result).toEqual(right("one"));
    expect(ended).toEqual(["b", "b too", "a", "a too"]);
    balanced.close();
    set("c");
    expect(ended.length).toBe(4);
    expect(operator.learned).toEqual(["a success"]);
  });

  test("is final, even if the discovery keeps notifying", () => {
    const connected: string[] = [];
    let changed = (): void => {};
    let unsubscribed = 0;
    const balanced = balance({
      discovery: {
        endpoints: [{ key: "a" }],
        subscribe(run) {
          changed = run;
          return () => unsubscribed++;
        },
      },
      connect({ key }) {
        connected.push(key);
        return mockService<string, string>().service;
      },
    });
    balanced.close();
    balanced.close();
    expect(unsubscribed).toBe(1);
    changed();
    expect(connected).toEqual(["a"]);
    expect(balanced.describe().inner).toEqual([]);
  });
});

describe("a change of an endpoint", () => {
  test("applies a new weight to the same connection", () => {
    const { set, spread, balanced } = balancing(["a", "b"], { strategy: weightedRoundRobin() });
    expect(spread(10)).toBe("a5 b5");
    set({ key: "a", weight: 4 }, "b");
    expect(spread(10)).toBe("a8 b2");
    expect(balanced.describe().inner?.map(({ options }) => options)).toEqual([
      { key: "a", weight: 4 },
      { key: "b", weight: 1 },
    ]);
    set("a", "b");
    expect(spread(10)).toBe("a5 b5");
  });

  test("describes the state of the discovery", () => {
    const { discovery } = fakeDiscovery(["a"]);
    const balanced = balance({
      discovery: { ...discovery, endpoints: discovery.endpoints, state: () => ({ resolvedMs: 5 }) },
      connect: () => mockService<string, string>().service,
    });
    expect(balanced.describe().state).toMatchObject({ endpoints: 1, resolvedMs: 5 });
  });
});

test("a strategy that throws rejects the call (defect: `call` threw)", async () => {
  const broken: Strategy = {
    name: "broken",
    update() {},
    pick() {
      throw new Error("of the strategy");
    },
  };
  const { balanced } = balancing(["a"], { strategy: broken });
  await expect(balanced.call("1")).rejects.toThrow("of the strategy");
});

test("a caller waiting at a closed balancer keeps waiting and can abort", async () => {
  const { balanced, mock } = balancing(["a"]);
  mock("a").admit(0);
  const controller = new AbortController();
  const result = oneshot(balanced, "1", controller.signal);
  await settled();
  balanced.close();
  await settled();
  controller.abort();
  expect(await result).toMatchObject({ left: { _tag: "Aborted" } });
});

describe("an endpoint whose connect throws", () => {
  const mistake = new RangeError("invalid url");
  const service = mockService<string, string, Refused>().service as Service<string, string, Refused>;
  const connect: Connect = ({ key }) => {
    if (key === "bad") throw mistake;
    return service;
  };

  test("is reported at run time, and the others are added", () => {
    const { discovery, set } = fakeDiscovery(["a"]);
    const seen: unknown[] = [];
    const observer = {
      connectFailed: (key: string, cause: unknown) => seen.push([key, cause]),
      added: (key: string) => seen.push(key),
    };
    const balanced = balance({ discovery, connect, observer });
    set("a", "bad", "b");
    expect(seen).toEqual(["a", ["bad", mistake], "b"]);
    expect(balanced.describe().state).toMatchObject({ endpoints: 2, unconnected: ["bad"] });
    set("a", "b");
    expect(balanced.describe().state).not.toHaveProperty("unconnected");
  });

  test("makes balance throw if it is initial", () => {
    const { discovery } = fakeDiscovery(["a", "bad"]);
    expect(() => balance({ discovery, connect })).toThrow(mistake);
  });
});
