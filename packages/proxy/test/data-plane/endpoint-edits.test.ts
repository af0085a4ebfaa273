import * as fc from "fast-check";
import { expect, test } from "vitest";
import { edited, editsBetween } from "../../src/data-plane/endpoint-edits.ts";
import type { Origin } from "../../src/data-plane/origin.ts";

const endpoint = fc.record({
  key: fc.integer({ min: 0, max: 12 }).map((host) => `http://10.0.0.${host}:80`),
  weight: fc.constantFrom(1, 2, undefined),
  unhealthy: fc.constantFrom(undefined, "TIMEOUT"),
  locality: fc.constantFrom(undefined, { zone: "a" }, { zone: "b" }),
});
const list = fc.uniqueArray(endpoint, { selector: ({ key }) => key });

function many(count: number): readonly Origin[] {
  return Array.from({ length: count }, (_, at) => ({
    key: `http://10.0.${at >> 8}.${at & 255}:80`,
    weight: 1,
  }));
}

test("edits make any list from any other", () => {
  fc.assert(
    fc.property(list, list, (before, after) => {
      expect(edited(before, editsBetween(before, after))).toEqual(after);
    }),
  );
});

test("a list that has not changed is the same object", () => {
  const before = many(3);
  expect(edited(before, editsBetween(before, structuredClone(before)))).toBe(before);
  expect(edited([], editsBetween([], []))).toEqual([]);
});

test("what is sent is in proportion to the change", () => {
  const before = many(10_000);
  const after = before.with(5_000, { key: "http://10.9.9.9:80" }).toSpliced(7_000, 1);
  expect(editsBetween(before, after)).toEqual([
    [0, 5_000],
    { added: [{ key: "http://10.9.9.9:80" }] },
    [5_001, 7_000],
    [7_001, 10_000],
  ]);
});

test("endpoints that stay are the same objects", () => {
  const before = many(3);
  const after = edited(before, editsBetween(before, structuredClone(before.slice(1))));
  expect(after[0]).toBe(before[1]);
  expect(after[1]).toBe(before[2]);
});

test.each([
  ["weight", { key: "http://10.0.0.0:80", weight: 2 }],
  ["health", { key: "http://10.0.0.0:80", weight: 1, unhealthy: "TIMEOUT" }],
  ["certificate name", { key: "http://10.0.0.0:80", weight: 1, host: "shop.example" }],
])("a changed %s is sent", (_what, changed) => {
  expect(editsBetween(many(1), [changed])).toEqual([{ added: [changed] }]);
});
