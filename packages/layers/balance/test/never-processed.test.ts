import { type Fault, left, right, Scope } from "@pagoda/core";
import { settled } from "@pagoda/core/testing";
import {
  leastRequest,
  maglev,
  peakEwma,
  random,
  type Resent,
  ringHash,
  roundRobin,
  weightedRoundRobin,
} from "@pagoda/balance";
import { describe, expect, test } from "vitest";
import { balancing, refused, type Refused } from "./balancing.ts";

const unprocessed: Refused = { ...refused, processed: false };

/** A balancer whose endpoints fail with these faults, and otherwise answer. */
function scripted(faults: Readonly<Record<string, Fault<"Refused"> | undefined>>, options = {}) {
  const calls: string[] = [];
  const resent: Resent[] = [];
  const one = balancing(Object.keys(faults), {
    observer: { resent: (event) => void resent.push(event) },
    connect: ({ key }) => ({
      ready: () => undefined,
      call: async () => {
        calls.push(key);
        const fault = faults[key];
        return fault === undefined ? right(key) : left(fault as Refused);
      },
      describe: () => ({ name: key }),
    }),
    ...options,
  });
  return { ...one, calls, resent };
}

describe("a call that was never processed", () => {
  test.each([
    roundRobin,
    weightedRoundRobin,
    random,
    leastRequest,
    peakEwma,
    () => ringHash({ key: String }),
    () => maglev({ key: String }),
  ])("is resent to another endpoint with %o", async (strategy) => {
    const { balanced } = scripted({ a: unprocessed, b: undefined }, { strategy: strategy() });
    for (let n = 0; n < 20; n++) expect(await balanced.call(`request ${n}`)).toEqual(right("b"));
  });

  test("is reported, and counts against each endpoint it was sent to", async () => {
    const outcomes: string[] = [];
    const source = {
      name: "learns",
      watch: ({ key }: { readonly key: string }) => ({
        healthy: true,
        ended: ({ kind }: { readonly kind: string }) => void outcomes.push(`${key} ${kind}`),
        state: () => ({}),
        close() {},
      }),
    };
    const { balanced, resent, stateOf } = scripted({ a: unprocessed, b: undefined }, { health: [source] });
    await balanced.call("1");
    expect(resent).toEqual([{ from: "a", to: "b", fault: unprocessed }]);
    expect(outcomes).toEqual(["a failure", "b success"]);
    for (const key of ["a", "b"]) expect(stateOf(key)).toMatchObject({ pending: 0 });
  });

  test("is sent to each endpoint once, and fails with the last fault", async () => {
    const { balanced, calls } = scripted({ a: unprocessed, b: unprocessed });
    expect(await balanced.call("1")).toEqual(left(unprocessed));
    expect(calls).toEqual(["a", "b"]);
  });

  test.each([
    [undefined, 4],
    [0, 1],
    [1, 2],
    [9, 6],
  ])("reaches, with maxResends %s, %d of 6 endpoints", async (maxResends, reached) => {
    const all = Object.fromEntries([..."abcdef"].map((key) => [key, unprocessed]));
    const { balanced, calls } = scripted(all, maxResends === undefined ? {} : { maxResends });
    expect(await balanced.call("1")).toEqual(left(unprocessed));
    expect(calls).toHaveLength(reached);
    expect(new Set(calls).size).toBe(reached);
  });

  test("skips endpoints that are not ready", async () => {
    const { balanced, mock } = balancing(["a", "b", "c"]);
    mock("b").admit(0);
    const result = balanced.call("1");
    (await mock("a").next()).fail(unprocessed);
    (await mock("c").next()).answer("c");
    expect(await result).toEqual(right("c"));
    expect(mock("b").uninvited).toBe(0);
  });

  test("is not resent after an abort", async () => {
    const { balanced, mock } = balancing(["a", "b"]);
    const caller = new AbortController();
    const result = balanced.call("1", caller.signal);
    const call = await mock("a").next();
    call.fail(unprocessed);
    caller.abort();
    await result;
    await mock("b").expectNoCall();
  });

  test("is not resent after its deadline", async () => {
    const { balanced, mock, clock } = balancing(["a", "b"]);
    const scope = new Scope(undefined);
    scope.deadline = clock.now() + 100;
    const results = [balanced.call("1", scope.signal), balanced.call("2", scope.signal)];
    await clock.advance(99);
    (await mock("a").next()).fail(unprocessed);
    await settled();
    expect(mock("b").calls).toHaveLength(2);
    await clock.advance(1);
    for (let n = 0; n < 2; n++) (await mock("b").next()).fail(unprocessed);
    expect(await Promise.all(results)).toEqual([left(unprocessed), left(unprocessed)]);
    expect(mock("a").calls).toHaveLength(1);
  });

  test("is not resent if a custom strategy picks the same endpoint", async () => {
    const strategy = { name: "first", update() {}, pick: () => 0 };
    const { balanced, calls } = scripted({ a: unprocessed, b: undefined }, { strategy });
    expect(await balanced.call("1")).toEqual(left(unprocessed));
    expect(calls).toEqual(["a"]);
  });
});

test.each([
  ["that may have been processed", refused],
  ["that this side refused", { ...unprocessed, origin: "local" } as const],
])("a failed call %s is not resent", async (_, fault) => {
  const { balanced, calls } = scripted({ a: fault, b: undefined });
  expect(await balanced.call("1")).toEqual(left(fault));
  expect(calls).toEqual(["a"]);
});

test.each([-1, 1.5, 101, Number.NaN])("rejects a maxResends of %d", (maxResends) => {
  expect(() => scripted({ a: undefined }, { maxResends })).toThrow(
    new RangeError(`balance: maxResends must be an integer from 0 to 100 (got ${maxResends})`),
  );
});
