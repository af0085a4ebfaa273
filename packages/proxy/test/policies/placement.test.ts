import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { builtIn } from "../../src/policies/built-in.ts";
import { placed } from "../../src/policies/placement.ts";
import { type AnyPolicy, policyPlaces } from "../../src/policies/policy.ts";
import { builtInPolicies } from "../../src/policies/registry.ts";

type Neighbours = Pick<AnyPolicy, "before" | "after">;

function policy(name: string, neighbours: Neighbours = {}): AnyPolicy {
  return { name, ...neighbours } as AnyPolicy;
}

const fixed = ["a", "b", "c"].map((name) => policy(name));

function orderOf(...others: readonly AnyPolicy[]): string {
  return placed([...fixed, ...others])
    .order.map(({ name }) => name)
    .join(" ");
}

function misplacedIn(...others: readonly AnyPolicy[]) {
  return placed([...fixed, ...others]).misplaced.map(
    ({ policy: { name }, field, problem }) => `${name} ${field} ${problem}`,
  );
}

describe("a policy stands", () => {
  test.each<[string, AnyPolicy[], string]>([
    ["directly outside of the one it names", [policy("x", { before: "b" })], "a x b c"],
    ["directly inside of the one it names", [policy("x", { after: "b" })], "a b x c"],
    ["outermost before the first", [policy("x", { before: "a" })], "x a b c"],
    ["between both", [policy("x", { after: "a", before: "c" })], "a b x c"],
    ["innermost without either", [policy("x")], "a b c x"],
    ["beside another of its kind", [policy("x", { after: "y" }), policy("y", { after: "a" })], "a y x b c"],
    [
      "in the order of the list with others at one side",
      [policy("x", { after: "a" }), policy("y", { after: "a" })],
      "a x y b c",
    ],
    [
      "nearer to its neighbour than to that of others",
      [policy("x", { before: "b" }), policy("y", { after: "a" })],
      "a y x b c",
    ],
    [
      "where the others allow it, although that is not beside its neighbour",
      [policy("x", { after: "a" }), policy("y", { after: "a", before: "x" })],
      "a y x b c",
    ],
  ])("%s", (_, others, order) => {
    expect(orderOf(...others)).toBe(order);
    expect(misplacedIn(...others)).toEqual([]);
  });
});

describe("misplaced is", () => {
  test.each<[string, AnyPolicy[], string[]]>([
    ["one beside none", [policy("x", { before: "z" })], ["x before unknown"]],
    ["one beside itself", [policy("x", { after: "x" })], ["x after unknown"]],
    ["one that must be on both sides", [policy("x", { after: "c", before: "a" })], ["x after contradiction"]],
    [
      "each of a circle, and nothing that follows from it",
      [policy("x", { after: "y" }), policy("y", { after: "x" }), policy("z", { after: "x" })],
      ["x after contradiction", "y after contradiction"],
    ],
  ])("%s", (_, others, misplaced) => expect(misplacedIn(...others)).toEqual(misplaced));
});

test("whatever policies name, each stands once, and on the side of those that they can name", () => {
  const name = fc.constantFrom("a", "b", "c", "p0", "p1", "p2", "p3");
  const neighbours = fc.record({ before: name, after: name }, { requiredKeys: [] });
  fc.assert(
    fc.property(fc.array(neighbours, { maxLength: 4 }), (all) => {
      const policies = [...fixed, ...all.map((each, at) => policy(`p${at}`, each))];
      const { order, misplaced } = placed(policies);
      expect(order).toHaveLength(policies.length);
      expect(new Set(order)).toEqual(new Set(policies));
      if (misplaced.length > 0) return;
      expect(order.filter((each) => fixed.includes(each))).toEqual(fixed);
      const at = (one: string): number => order.findIndex(({ name: each }) => each === one);
      for (const { name: own, before = "end", after = "begin" } of order) {
        expect(before === "end" || at(own) < at(before)).toBe(true);
        expect(after === "begin" || at(own) > at(after)).toBe(true);
      }
    }),
  );
});

test("the built-in policies keep the order of their list in each place", () => {
  for (const place of policyPlaces) {
    const listed: readonly AnyPolicy[] = builtIn.filter(({ at }: AnyPolicy) => at.includes(place));
    expect(listed.length).toBeGreaterThan(0);
    expect(builtInPolicies[place]).toEqual(listed);
  }
});
