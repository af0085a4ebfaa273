import { EndpointPublisher, type Endpoint, type Fault, left, right, type SourceClosed } from "@pagoda/core";
import { virtualClock } from "@pagoda/core/testing";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

interface Zoned extends Endpoint {
  readonly zone?: { readonly name: string; readonly hints: readonly string[] };
}

const failure: Fault<"Down"> = { _tag: "Down", origin: "local", retryable: true };

function bench(initial: readonly Zoned[] = []) {
  const clock = virtualClock();
  const seen: string[] = [];
  const publisher = new EndpointPublisher<Zoned, Fault>(
    clock,
    {
      changed: (endpoints) => seen.push(endpoints.map(({ key }) => key).join(" ")),
      failed: ({ _tag }) => seen.push(_tag),
    },
    initial,
  );
  return { clock, publisher, seen };
}

describe("a publisher of endpoints", () => {
  test("sorts them by key, and reports changes only", () => {
    const { publisher, seen } = bench();
    publisher.succeeded([{ key: "b" }, { key: "a" }]);
    publisher.succeeded([{ key: "a" }, { key: "b" }]);
    publisher.succeeded([{ key: "a", weight: 2 }, { key: "b" }]);
    publisher.succeeded([{ key: "a" }]);
    expect(seen).toEqual(["a b", "a b", "a"]);
  });

  test.each([
    [{ name: "a", hints: ["b"] }, { name: "a", hints: ["b"] }, 0],
    [{ name: "a", hints: ["b"] }, { name: "a", hints: ["c"] }, 1],
    [{ name: "a", hints: ["b"] }, { name: "a", hints: ["b", "c"] }, 1],
    [{ name: "a", hints: [] }, { name: "b", hints: [] }, 1],
    [undefined, { name: "a", hints: [] }, 1],
  ])("compares their fields: %j with %j has %i changes", (one, other, changes) => {
    const { publisher, seen } = bench([{ key: "a", ...(one && { zone: one }) }]);
    publisher.succeeded([{ key: "a", zone: other }]);
    expect(seen).toHaveLength(changes);
  });

  test("sees no change exactly when lists are the same as JSON", () => {
    const zone = fc.record({ name: fc.string(), hints: fc.array(fc.string(), { maxLength: 2 }) });
    const lists = fc.uniqueArray(
      fc.record(
        { key: fc.constantFrom("a", "b", "c"), weight: fc.integer({ min: 1, max: 2 }), zone },
        { requiredKeys: ["key"] },
      ),
      { selector: ({ key }) => key },
    );
    fc.assert(
      fc.property(lists, lists, (one, other) => {
        const { publisher, seen } = bench();
        publisher.succeeded(one);
        seen.length = 0;
        publisher.succeeded(other);
        const sorted = (list: readonly Zoned[]) =>
          list
            .toSorted(({ key: a }, { key: b }) => (a < b ? -1 : 1))
            .map(({ key, weight, zone: where }) => JSON.stringify([key, weight, where?.name, where?.hints]));
        expect(seen).toHaveLength(sorted(one).join() === sorted(other).join() ? 0 : 1);
      }),
    );
  });

  test("keeps the last list after a failure, unless the failure has one", async () => {
    const { publisher, seen } = bench();
    publisher.succeeded([{ key: "a" }]);
    publisher.failed(failure);
    expect(publisher.endpoints).toEqual([{ key: "a" }]);
    publisher.failed(failure, []);
    expect(publisher.endpoints).toEqual([]);
    expect(seen).toEqual(["a", "Down", "Down", ""]);
    expect(await publisher.started).toEqual(right([{ key: "a" }]));
  });

  test("has started with the first failure, or when it is closed before", async () => {
    const one = bench().publisher;
    one.failed(failure);
    expect(await one.started).toEqual(left(failure));
    const other = bench().publisher;
    other.close();
    const closed: SourceClosed = { _tag: "SourceClosed", origin: "local", retryable: false };
    expect(await other.started).toEqual(left(closed));
  });

  test("does not take invalid initial endpoints", () => {
    expect(() => bench([{ key: "a" }, { key: "a" }])).toThrow(/initial: .*no other endpoint has/);
  });
});
