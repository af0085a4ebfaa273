import { explain, type Rule } from "@pagoda/authorize";
import { describe, expect, test } from "vitest";
import { asked } from "./bench.ts";

const rules: readonly Rule[] = [
  { name: "till", effect: "allow", from: { identities: ["till"], addresses: ["10.0.0.0/8"] } },
  { name: "no-admin", effect: "deny", to: { paths: ["/admin/*"], hosts: ["shop.example"] } },
  { name: "carts", effect: "allow", to: { methods: ["GET"], routes: ["cart"] } },
];

describe("explain", () => {
  test("reports the deciding rule, and the first mismatch of every other rule", () => {
    const request = asked({ path: "/x//y", method: "PUT", route: { name: "x" } });
    expect(explain({ rules }, request)).toEqual({
      allowed: false,
      rule: "otherwise",
      rules: [
        {
          rule: "no-admin",
          effect: "deny",
          matched: false,
          mismatch: { what: "path", wanted: ["/admin/*"], found: ["/x//y", "/x/y"] },
        },
        {
          rule: "till",
          effect: "allow",
          matched: false,
          mismatch: { what: "identity", wanted: ["till"], found: [] },
        },
        {
          rule: "carts",
          effect: "allow",
          matched: false,
          mismatch: { what: "method", wanted: ["GET"], found: ["PUT"] },
        },
      ],
    });
  });

  test("reports mismatches of every kind", () => {
    const wrong = (change: Parameters<typeof asked>[0], name: string) =>
      explain({ rules }, asked({ route: { name: "x" }, ...change })).rules.find(({ rule }) => rule === name)
        ?.mismatch;
    expect(wrong({ authority: "b.example:80" }, "no-admin")).toMatchObject({
      what: "host",
      found: ["b.example"],
    });
    expect(wrong({}, "carts")).toMatchObject({ what: "route", found: ["x"] });
    expect(wrong({ client: { address: "::ffff:cb00:7107", identity: "till" } }, "till")).toMatchObject({
      what: "address",
      found: ["203.0.113.7"],
    });
  });

  test("reports the rule that matched", () => {
    expect(explain({ rules }, asked({ route: { name: "cart" } }))).toMatchObject({
      allowed: true,
      rule: "carts",
      rules: [{}, {}, { rule: "carts", matched: true }],
    });
  });

  test("lists no rules for an unreadable request", () => {
    const unreadable = { allowed: false, rule: "unreadable", rules: [] };
    expect(explain({ rules }, asked({ path: "/\\" }))).toEqual(unreadable);
  });

  test("shows the variants of a path", () => {
    const found = (path: string) =>
      explain({ rules }, asked({ path, route: { name: "x" } })).rules[0]?.mismatch?.found;
    expect(found("/a%2db")).toEqual(["/a-b"]);
    expect(found("/a/.")).toEqual(["/a/.", "/a/"]);
    expect(found("/a%2Fb;c")).toEqual(["/a%2Fb;c", "/a%2Fb", "/a/b;c", "/a/b"]);
  });

  test("returns JSON", () => {
    const explanation = explain({ rules }, asked({ path: "/a;b", route: { name: "x" } }));
    expect(JSON.parse(JSON.stringify(explanation))).toEqual(explanation);
  });
});
