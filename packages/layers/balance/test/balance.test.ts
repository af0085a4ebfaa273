import { type Mock, mockService, settled } from "@pagoda/core/testing";
import { conformance } from "@pagoda/http/testing";
import {
  type Endpoint,
  type ErrorOf,
  type Fault,
  isLeft,
  isReady,
  left,
  oneshot,
  right,
  type Service,
  staticEndpoints,
} from "@pagoda/core";
import { describe, expect, expectTypeOf, test } from "vitest";
import { balance, type Balancer, type Candidate, type NoEndpointReady, type Strategy } from "@pagoda/balance";
import { fakeDiscovery } from "./fake-discovery.ts";

interface Refused extends Fault<"Refused" | "Full"> {}

const refused: Refused = { _tag: "Refused", origin: "upstream", retryable: false };
const full: Refused = { _tag: "Full", origin: "local", retryable: true };
const noneReady = { _tag: "NoEndpointReady", origin: "local", retryable: true };

/** A balancer over mocks, by the key of their endpoint. */
function bench(...keys: readonly string[]) {
  const mocks = new Map<string, Mock<string, string, Refused>>();
  const { discovery, set } = fakeDiscovery(keys);
  const balanced = balance({
    discovery,
    connect({ key }) {
      const mock = mockService<string, string, Refused>(key);
      mocks.set(key, mock);
      return mock.service;
    },
  });
  const mock = (key: string): Mock<string, string, Refused> => mocks.get(key) as never;
  return { balanced, mock, set };
}

describe("balance", () => {
  conformance(
    test,
    () => (inner) => balance({ discovery: staticEndpoints([{ key: "a" }]), connect: () => inner }),
  );

  test("calls endpoints in turn", async () => {
    const { balanced, mock } = bench("a", "b", "c");
    for (let n = 0; n < 6; n++) void balanced.call(String(n));
    const requests = ["a", "b", "c"].map((key) => mock(key).calls.map(({ request }) => request));
    expect(requests).toEqual([
      ["0", "3"],
      ["1", "4"],
      ["2", "5"],
    ]);
  });

  test("returns the endpoint's result", async () => {
    const { balanced, mock } = bench("a");
    const [answered, failed] = [balanced.call("1"), balanced.call("2")];
    (await mock("a").next()).answer("one");
    (await mock("a").next()).fail(refused);
    expect(await answered).toEqual(right("one"));
    expect(await failed).toEqual(left(refused));
  });

  test("skips an endpoint that is not ready", async () => {
    const { balanced, mock } = bench("a", "b", "c");
    mock("b").admit(0);
    for (let n = 0; n < 4; n++) void balanced.call(String(n));
    expect(["a", "b", "c"].map((key) => mock(key).calls.length)).toEqual([2, 0, 2]);
  });

  test("is ready while one endpoint is, and refuses if none is", async () => {
    const { balanced, mock } = bench("a", "b");
    mock("a").admit(0);
    expect(balanced.ready()).toBeUndefined();
    mock("b").admit(0);
    expect(isReady(balanced)).toBe(false);
    const refusal = balanced.call("1");
    (await mock("b").next()).fail(full);
    expect(await refusal).toEqual(
      left({ ...noneReady, endpoints: 2, usable: 2, endpoint: "b", reason: "Full" }),
    );
  });

  test("if none is ready, gives the reason of each endpoint in turn", async () => {
    const { balanced, mock } = bench("a", "b", "c");
    for (const key of ["a", "b", "c"]) mock(key).admit(0);
    const refusals = Array.from({ length: 6 }, () => balanced.call("1"));
    for (const key of ["a", "b", "c"]) for (const call of mock(key).calls) call.fail(full);
    const said = (await Promise.all(refusals)).map((result) => isLeft(result) && result.left);
    expect(said.map((fault) => fault && fault._tag === "NoEndpointReady" && fault.endpoint)).toEqual([
      "b",
      "c",
      "a",
      "b",
      "c",
      "a",
    ]);
  });

  test("returns the result of an endpoint that takes a call although it was not ready", async () => {
    const { balanced, mock } = bench("a");
    mock("a").admit(0);
    const [answered, failed] = [balanced.call("1"), balanced.call("2")];
    (await mock("a").next()).answer("one");
    (await mock("a").next()).fail(refused);
    expect(await answered).toEqual(right("one"));
    expect(await failed).toEqual(left(refused));
  });

  test("returns Aborted for an abort while none is ready", async () => {
    const { balanced, mock } = bench("a");
    mock("a").admit(0);
    const controller = new AbortController();
    const call = balanced.call("1", controller.signal);
    controller.abort();
    expect(await call).toMatchObject({ left: { _tag: "Aborted" } });
  });

  test("notifies its observer of each refused call", async () => {
    const events: unknown[] = [];
    const balanced = balance({
      discovery: staticEndpoints([]),
      connect: () => mockService<string, string>().service,
      observer: { refused: (fault) => events.push(fault) },
    });
    const refusal = await balanced.call("1");
    expect(events).toEqual([isLeft(refusal) && refusal.left]);
  });

  test("refuses without endpoints, reporting that there are none", async () => {
    const { balanced } = bench();
    expect(isReady(balanced)).toBe(false);
    expect(await balanced.call("1")).toEqual(left({ ...noneReady, endpoints: 0, usable: 0 }));
  });

  test("a waiting caller gets the first endpoint that becomes ready", async () => {
    const { balanced, mock } = bench("a", "b");
    mock("a").admit(0);
    mock("b").admit(0);
    const result = oneshot(balanced, "1");
    await settled();
    mock("b").admit(1);
    (await mock("b").next()).answer("one");
    expect(await result).toEqual(right("one"));
  });

  test("connects once to an endpoint that stays, and again to one that returns", async () => {
    const connected: string[] = [];
    const { discovery, set } = fakeDiscovery(["a", "b"]);
    balance({
      discovery,
      connect({ key }) {
        connected.push(key);
        return mockService<string, string>(key).service;
      },
    });
    set("b", "c");
    set("b", "a");
    expect(connected).toEqual(["a", "b", "c", "a"]);
  });

  test("lets the calls of a removed endpoint end, and makes no more", async () => {
    const { balanced, mock, set } = bench("a", "b");
    const result = balanced.call("1");
    const underWay = await mock("a").next();
    set("b");
    for (let n = 0; n < 3; n++) void balanced.call("2");
    expect(mock("a").calls.length).toBe(1);
    expect(mock("b").calls.length).toBe(3);
    expect(underWay.signal?.aborted).not.toBe(true);
    underWay.answer("one");
    expect(await result).toEqual(right("one"));
  });

  test("a caller waiting without endpoints gets the first one added", async () => {
    const { balanced, mock, set } = bench();
    const results = ["1", "2"].map((request) => oneshot(balanced, request));
    await settled();
    set("a");
    await settled();
    expect(mock("a").calls.map(({ request }) => request)).toEqual(["1", "2"]);
    for (const call of mock("a").calls) call.answer(call.request);
    expect(await Promise.all(results)).toEqual([right("1"), right("2")]);
  });

  test("a caller waiting for busy endpoints gets an added one (defect: did not)", async () => {
    const { balanced, mock, set } = bench("busy");
    mock("busy").admit(0);
    void ["1", "2", "3"].map((request) => oneshot(balanced, request));
    await settled();
    set("busy", "new");
    await settled();
    expect(mock("new").calls.map(({ request }) => request)).toEqual(["1", "2", "3"]);
  });

  test("a caller waiting for a removed endpoint is released (defect: was not)", async () => {
    const { balanced, mock, set } = bench("gone");
    mock("gone").admit(0);
    void oneshot(balanced, "1");
    await settled();
    set();
    await settled();
    set("new");
    await settled();
    expect(mock("new").calls.length).toBe(1);
    mock("gone").admit(1);
    await mock("gone").expectNoCall();
  });

  test("a waiting caller keeps its place through a change", async () => {
    const { balanced, mock, set } = bench("a");
    mock("a").admit(0);
    void ["1", "2", "3"].map((request) => oneshot(balanced, request));
    await settled();
    set("a", "b");
    mock("b").admit(1);
    for (const request of ["1", "2", "3"]) {
      const call = await mock("b").next();
      expect(call.request).toBe(request);
      call.answer("done");
    }
    expect(mock("b").uninvited).toBe(0);
  });

  test("describes its strategy and endpoints", async () => {
    const { balanced, mock } = bench("a", "b");
    mock("b").admit(0);
    void balanced.call("1");
    const ofMock = (name: string, inFlight: number) => ({ name, state: { inFlight } });
    expect(balanced.describe()).toEqual({
      name: "balance",
      options: { strategy: "round-robin", panicThreshold: 0.5 },
      state: { endpoints: 2, healthy: 2, panicking: false },
      inner: [
        {
          name: "endpoint",
          options: { key: "a", weight: 1 },
          state: { pending: 1, ready: true, healthy: true },
          inner: [ofMock("a", 1)],
        },
        {
          name: "endpoint",
          options: { key: "b", weight: 1 },
          state: { pending: 0, ready: false, healthy: true },
          inner: [ofMock("b", 0)],
        },
      ],
    });
  });

  test("counts a call as pending until it ends in any way", async () => {
    const { balanced, mock } = bench("a");
    const pending = (): unknown => balanced.describe().inner?.[0]?.state?.["pending"];
    const results = ["1", "2", "3"].map((request) => balanced.call(request));
    expect(pending()).toBe(3);
    (await mock("a").next()).answer("one");
    (await mock("a").next()).fail(refused);
    (await mock("a").next()).reject(new Error("a defect"));
    await Promise.allSettled(results);
    expect(pending()).toBe(0);
  });

  test("passes the request and pending calls to the strategy", async () => {
    let candidates: readonly Candidate[] = [];
    const byName: Strategy<string> = {
      name: "by-name",
      update(list) {
        candidates = list;
      },
      pick: (request) => candidates.findIndex(({ key, pending }) => key === request && pending < 1),
    };
    const mock = mockService<string, string>();
    const discovery = staticEndpoints([{ key: "a" }, { key: "b" }]);
    const balanced = balance({ discovery, connect: () => mock.service, strategy: byName });
    void balanced.call("b");
    expect(mock.calls.length).toBe(1);
    expect(await balanced.call("b")).toEqual(left({ ...noneReady, endpoints: 2, usable: 2 }));
    expect(await balanced.call("c")).toEqual(left({ ...noneReady, endpoints: 2, usable: 2 }));
  });
});

describe("types of balance", () => {
  interface Zoned extends Endpoint {
    readonly zone: string;
  }
  type Balanced = Balancer<string, number, Refused | NoEndpointReady>;
  const connect = (_endpoint: Zoned): Service<string, number, Refused> =>
    mockService<string, number, never>().service as never;
  const discovery = staticEndpoints<Zoned>([{ key: "a", zone: "north" }]);

  test("its errors are those of the endpoint's stack and its own", () => {
    const balanced = balance({ discovery, connect });
    expectTypeOf(balanced).toEqualTypeOf<Balanced>();
    expectTypeOf<ErrorOf<typeof balanced>>().toEqualTypeOf<Refused | NoEndpointReady>();
  });

  test("connect gets the endpoints of the discovery", () => {
    const plain = staticEndpoints([{ key: "a" }]);
    // @ts-expect-error: `connect` requires endpoints with a zone, and this discovery has none.
    balance({ discovery: plain, connect });
  });

  test("a strategy that reads requests must match their type", () => {
    const strategy: Strategy<{ readonly user: string }> = {
      name: "by-user",
      update() {},
      pick: ({ user }) => user.length,
    };
    // @ts-expect-error: the requests are strings, and the strategy requires a user on them.
    const balanced: Balanced = balance({ discovery, connect, strategy });
    expect(balanced.describe().options).toMatchObject({ strategy: "by-user" });
  });
});
