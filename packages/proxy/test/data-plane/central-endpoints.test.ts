import { expect, test } from "vitest";
import { CentralEndpoints, type CentralUpdate } from "../../src/data-plane/central-endpoints.ts";

/** All endpoints anew. */
function central(...keys: readonly string[]): CentralUpdate {
  return {
    source: "shop",
    edits: keys.length === 0 ? [] : [{ added: keys.map((key) => ({ key })) }],
    lastError: undefined,
    state: { kubernetes: { slices: keys.length } },
  };
}

test("endpoints that the main process sends are those of all clusters with that source", () => {
  const all = new CentralEndpoints();
  all.receive(central("http://10.0.0.1:80"));
  const [one, other] = [all.of("shop"), all.of("shop")];
  const changes: string[] = [];
  one.subscribe(() => changes.push("one"));
  other.subscribe(() => changes.push("other"));
  expect(one.endpoints).toEqual([{ key: "http://10.0.0.1:80" }]);
  all.receive({ ...central("http://10.0.0.1:80"), edits: [[0, 1]], lastError: "403" });
  expect([changes, one.lastError]).toEqual([[], "403"]);
  all.receive(central("http://10.0.0.2:80", "http://10.0.0.3:80"));
  expect(changes).toEqual(["one", "other"]);
  expect([other.endpoints.length, other.state?.(), other.lastError]).toEqual([
    2,
    { kubernetes: { slices: 2 } },
    undefined,
  ]);
  one.close();
  all.receive(central());
  expect(changes).toEqual(["one", "other", "other"]);
});

test("a source that is not used any more is forgotten", () => {
  const all = new CentralEndpoints();
  all.receive(central("http://10.0.0.1:80"));
  all.keep(new Set(["shop", undefined]));
  expect(all.of("shop").endpoints).toHaveLength(1);
  all.keep(new Set([undefined]));
  expect(all.of("shop").endpoints).toEqual([]);
});
