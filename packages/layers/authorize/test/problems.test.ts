import { authorize, type Rule, ruleProblems } from "@pagoda/authorize";
import { describe, expect, test } from "vitest";

/** Accepts what a file may contain. */
const problemsOf = (...rules: readonly unknown[]) => ruleProblems(rules as readonly Rule[]);
const sane = { name: "a", effect: "allow" } as const;

describe("ruleProblems", () => {
  test("finds no problem in valid rules", () => {
    const to = {
      methods: ["GET", "M-SEARCH"],
      paths: ["/", "/*", "/a", "/a/*", "/caf%C3%A9", "/a%2Ab"],
      hosts: ["shop.example", "*.example", "localhost", "10.0.0.1", "[::1]"],
      routes: ["cart"],
    };
    const from = {
      identities: ["*", "a", "a*", "*a", "spiffe://mesh/ns/shop/*"],
      addresses: ["10.0.0.1", "10.0.0.0/8", "0.0.0.0/0", "::1", "2001:db8::/32", "::/0", "10.0.0.0/32"],
    };
    expect(problemsOf({ ...sane, from, to }, { name: "b", effect: "deny", from: {}, to: {} })).toEqual([]);
  });

  test.each([
    ["identities", ["", "a*b", "**", "*a*", 1]],
    [
      "addresses",
      ["", "10.0.0", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "::/129", "shop.example", "::ffff:10.0.0.1"],
    ],
    ["addresses", ["::ffff:0:0/96", "fe80::1%eth0", "010.0.0.1", " 10.0.0.1", undefined]],
  ])("rejects from.%s of %j", (field, entries) => {
    const problems = problemsOf({ ...sane, from: { [field]: entries } });
    expect(problems.map(({ path }) => path)).toEqual(entries.map((_, n) => ["from", field, n]));
  });

  test("accepts claims with values, and no others", () => {
    const valid = [
      { claim: "sub", equals: ["ann", 1, true] },
      { claim: ["realm_access", "roles"], contains: ["admin"] },
    ];
    expect(problemsOf({ ...sane, from: { claims: valid } })).toEqual([]);
    const invalid = [
      {},
      "sub",
      { claim: "sub" },
      { claim: "", equals: ["a"] },
      { claim: [], equals: ["a"] },
      { claim: ["a", 1], equals: ["a"] },
      { equals: ["a"] },
      { claim: "sub", equals: [] },
      { claim: "sub", equals: "ann" },
      { claim: "sub", equals: [null] },
      { claim: "sub", contains: [1] },
      { claim: "sub", equals: ["a"], contains: ["a"] },
      { claim: "sub", equal: ["a"], equals: ["a"] },
    ];
    const problems = problemsOf({ ...sane, from: { claims: invalid } });
    expect(problems.map(({ path }) => path)).toEqual(invalid.map((_, n) => ["from", "claims", n]));
    expect(problems[0]?.expected).toBe("{ claim, equals } or { claim, contains }, with a list of values");
  });

  test.each([
    ["methods", ["", "get", "G T", null]],
    ["paths", ["", "a", "*", "/a*", "/*/a", "/a/*/*", "/a/../b", "/a//b", "/a?b", "/a#b", "/a b", "/é"]],
    ["paths", ["/a%2fb", "/a;b", "/a\\b", "/%", "/./*", "/a//*", "http://a/"]],
    ["hosts", ["", "*", "*example", "a.*", "a:80", "a.", "a..b", "a/b", "::1", "é"]],
    ["routes", ["", {}]],
  ])("rejects to.%s of %j", (field, entries) => {
    const problems = problemsOf({ ...sane, to: { [field]: entries } });
    expect(problems.map(({ path }) => path)).toEqual(entries.map((_, n) => ["to", field, n]));
  });

  test("rejects an empty list, and anything that is not a list", () => {
    const lists = { identities: [], addresses: "10.0.0.1" };
    expect(problemsOf({ ...sane, from: lists }).map(({ path, value }) => [path, value])).toEqual([
      [["from", "identities"], []],
      [["from", "addresses"], "10.0.0.1"],
    ]);
    expect(problemsOf({ ...sane, from: [] }, { ...sane, name: "b", to: "GET" })).toHaveLength(2);
  });

  test("rejects a misspelled field, which would make a rule match every request", () => {
    const problems = problemsOf({ ...sane, form: {}, from: { identites: ["a"] }, to: { path: "/" } });
    expect(problems.map(({ path }) => path)).toEqual([["form"], ["from", "identites"], ["to", "path"]]);
  });

  test("rejects missing, duplicate and reserved names, and missing or unknown effects", () => {
    const problems = problemsOf(
      sane,
      sane,
      { effect: "deny" },
      { name: "c" },
      { name: "otherwise", effect: "Deny" },
    );
    expect(problems.map(({ rule, path }) => `${rule}: ${path.join()}`)).toEqual([
      "a: name",
      "rules[2]: name",
      "c: effect",
      "otherwise: name",
      "otherwise: effect",
    ]);
    expect(problemsOf({ name: "unreadable", effect: "deny" })).toHaveLength(1);
    expect(problemsOf(null, "a").map(({ rule }) => rule)).toEqual(["rules[0]", "rules[1]"]);
    expect(ruleProblems({} as never)).toHaveLength(1);
  });

  test("reports rule, path, value and what is expected", () => {
    expect(problemsOf({ ...sane, to: { hosts: ["a", "b:80"] } })).toEqual([
      {
        rule: "a",
        path: ["to", "hosts", 1],
        value: "b:80",
        expected: "a host without port, or *. followed by a domain",
      },
    ]);
  });
});

describe("authorize", () => {
  test("throws one error with all problems", () => {
    const rules = [
      { ...sane, to: { methods: ["get"] } },
      { name: "b", effect: "deny", from: { addresses: ["10.0.0.0/40"] } },
    ] as const;
    expect(() => authorize({ rules })).toThrow(RangeError);
    expect(() => authorize({ rules })).toThrow(
      'authorize: rule a: to.methods.0 must be a method in upper case (got "get")\n' +
        'authorize: rule b: from.addresses.0 must be an IP address or a network such as 10.0.0.0/8 (got "10.0.0.0/40")',
    );
  });

  test("rejects an empty list of rules without otherwise", () => {
    expect(() => authorize({ rules: [] })).toThrow(
      "authorize: rules must be a list of at least one rule unless otherwise is set (got [])",
    );
    expect(() => authorize({ rules: [], otherwise: "allow" })).not.toThrow();
  });

  test("rejects an invalid otherwise", () => {
    expect(() => authorize({ rules: [sane], otherwise: "Allow" as never })).toThrow(
      'authorize: otherwise must be "allow" or "deny" (got "Allow")',
    );
  });
});
