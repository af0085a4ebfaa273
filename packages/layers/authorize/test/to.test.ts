import { type Rule } from "@pagoda/authorize";
import { describe, expect, test } from "vitest";
import { guard } from "./bench.ts";

const rule = (effect: Rule["effect"], to: NonNullable<Rule["to"]>): Rule => ({ name: "to", effect, to });

describe("hosts", () => {
  const denied = guard([rule("deny", { hosts: ["admin.example", "*.intra.example", "[::1]"] })]);

  test.each([
    "admin.example",
    "ADMIN.example",
    "admin.example:8080",
    "admin.example:",
    "admin.example.",
    "Admin.Example.:443",
    "a.intra.example",
    "a.b.intra.example.",
    "[::1]",
    "[::1]:80",
  ])("%s matches", async (authority) => expect(await denied({ authority })).toBe("to"));

  test.each(["[0:0:0:0:0:0:0:1]", "[::0001]:80", "[0::1]"])(
    "%s matches [::1] (defect: did not)",
    async (authority) => expect(await denied({ authority })).toBe("to"),
  );

  test("an IPv4-mapped IPv6 address matches the IPv4 address (defect: did not)", async () => {
    const deniedAddress = guard([rule("deny", { hosts: ["10.0.0.1", "[2001:DB8:0::1]"] })]);
    for (const authority of ["[::ffff:10.0.0.1]", "[::FFFF:a00:1]:80", "10.0.0.1:80", "[2001:db8::1]"])
      expect([authority, await deniedAddress({ authority })]).toEqual([authority, "to"]);
  });

  test.each(["shop.example", "intra.example", ".intra.example".slice(1), "xadmin.example", "xintra.example"])(
    "%s does not match",
    async (authority) => expect(await denied({ authority })).toBe("passed"),
  );

  test.each([
    "",
    ".",
    ":80",
    "a@admin.example",
    "%61dmin.example",
    "admin.example..",
    "admin..example",
    ".intra.example",
    "admin.example:80:80",
    "admin.example:x",
    "admin.example/",
    "admin.example,shop.example",
    "admin.example ",
    "[::1",
    "::1",
    "ａdmin.example",
  ])("%j is unreadable", async (authority) => {
    expect(await denied({ authority })).toBe("unreadable");
    expect(await guard([rule("allow", { hosts: ["*.example"] })])({ authority })).toBe("unreadable");
  });

  test("the host of a rule is case-insensitive", async () => {
    expect(await guard([rule("deny", { hosts: ["Admin.Example"] })])({ authority: "admin.example" })).toBe(
      "to",
    );
    expect(await guard([rule("deny", { hosts: ["*.Example"] })])({ authority: "a.example" })).toBe("to");
  });

  test("no host is unreadable if no rule names hosts", async () => {
    expect(await guard([rule("allow", { methods: ["GET"] })])({ authority: "" })).toBe("passed");
  });
});

describe("methods", () => {
  test("match exactly, and GET does not include HEAD", async () => {
    const allowed = guard([rule("allow", { methods: ["GET"] })]);
    expect(await allowed({ method: "GET" })).toBe("passed");
    expect(await allowed({ method: "HEAD" })).toBe("otherwise");
  });

  test("a deny rule also matches a method in lower case, which some origins accept", async () => {
    expect(await guard([rule("deny", { methods: ["DELETE"] })])({ method: "delete" })).toBe("to");
    expect(await guard([rule("allow", { methods: ["DELETE"] })])({ method: "delete" })).toBe("otherwise");
  });
});

describe("routes", () => {
  test("match by name", async () => {
    const call = guard([rule("deny", { routes: ["cart", "till"] })]);
    expect(await call({ route: { name: "till" } })).toBe("to");
    expect(await call({ route: { name: "tills" } })).toBe("passed");
  });
});
