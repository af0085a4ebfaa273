import { explain, type Rule } from "@pagoda/authorize";
import { describe, expect, test } from "vitest";
import { asked } from "./bench.ts";

const rules: readonly Rule[] = [
  { name: "till", effect: "allow", from: { identities: ["till"], addresses: ["10.0.0.0/8"] } },
  { name: "no-admin", effect: "deny", to: { paths: ["/admin/*"], hosts: ["shop.example"] } },
  { name: "carts", effect: "allow", to: { methods: ["GET"], routes: ["cart"] } },
];

describe("explain", () => {
  test("says what decided, and for each rule what the request is not", () => {
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

  test("finds each thing that is wrong", () => {
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

  test("says which rule matched", () => {
    expect(explain({ rules }, asked({ route: { name: "cart" } }))).toMatchObject({
      allowed: true,
      rule: "carts",
      rules: [{}, {}, { rule: "carts", matched: true }],
    });
  });

  test("has nothing to say of what is unreadable", () => {
    const unreadable = { allowed: false, rule: "unreadable", rules: [] };
    expect(explain({ rules }, asked({ path: "/\\" }))).toEqual(unreadable);
  });

  test("shows the readings of a path", () => {
    const found = (path: string) =>
      explain({ rules }, asked({ path, route: { name: "x" } })).rules[0]?.mismatch?.found;
    expect(found("/a%2db")).toEqual(["/a-b"]);
    expect(found("/a/.")).toEqual(["/a/.", "/a/"]);
    expect(found("/a%2Fb;c")).toEqual(["/a%2Fb;c", "/a%2Fb", "/a/b;c", "/a/b"]);
  });

  test("is JSON", () => {
    const explanation = explain({ rules }, asked({ path: "/a;b", route: { name: "x" } }));
    expect(JSON.parse(JSON.stringify(explanation))).toEqual(explanation);
  });
});
