import { staticEndpoints } from "@pagoda/core";
import { describe, expect, test } from "vitest";

describe("staticEndpoints", () => {
  test("returns the given endpoints and never changes", () => {
    const endpoints = [{ key: "a" }, { key: "b", weight: 0.5 }];
    const discovery = staticEndpoints(endpoints);
    const unsubscribe = discovery.subscribe(() => expect.unreachable());
    expect(discovery.endpoints).toEqual(endpoints);
    unsubscribe();
  });

  test("refuses duplicate keys and names them", () => {
    expect(() => staticEndpoints([{ key: "a" }, { key: "b" }, { key: "a" }])).toThrow(
      new RangeError('staticEndpoints: key of an endpoint must be one that no other endpoint has (got "a")'),
    );
  });

  test.each([0, -1, NaN, Infinity])("refuses the weight %d", (weight) => {
    expect(() => staticEndpoints([{ key: "a", weight }])).toThrow(
      new RangeError(`staticEndpoints: weight of endpoint "a" must be a number above 0 (got ${weight})`),
    );
  });
});
