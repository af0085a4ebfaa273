import { claimAt } from "@pagoda/http";
import { expect, test } from "vitest";

const claims = { sub: "ann", "a.b": 1, a: { b: { c: [0] } }, nothing: null, "": 2 };

test.each([
  ["sub", "ann"],
  ["a.b", 1],
  [["a", "b"], { c: [0] }],
  [["a", "b", "c"], [0]],
  [["a", "b", "c", "0"], 0],
  ["nothing", null],
  ["", 2],
  [["nothing", "a"], undefined],
  ["b", undefined],
  [["sub", "length"], undefined],
  ["constructor", undefined],
  [["a", "__proto__"], undefined],
])("claimAt %j returns %j", (path, value) => {
  expect(claimAt(claims, path)).toEqual(value);
});

test("there are no claims without a token", () => {
  expect(claimAt(undefined, "sub")).toBeUndefined();
});
