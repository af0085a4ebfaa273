import { type Rule } from "@pagoda/authorize";
import { describe, expect, test } from "vitest";
import { door } from "./bench.ts";

const rule = (effect: Rule["effect"], to: NonNullable<Rule["to"]>): Rule => ({ name: "to", effect, to });

describe("hosts", () => {
  const denied = door([rule("deny", { hosts: ["admin.example", "*.intra.example", "[::1]"] })]);

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
  ])("%s is denied", async (authority) => expect(await denied({ authority })).toBe("to"));

  test.each(["[0:0:0:0:0:0:0:1]", "[::0001]:80", "[0::1]"])("defect: %s was not [::1]", async (authority) =>
    expect(await denied({ authority })).toBe("to"),
  );

  test("defect: an IPv4 address in IPv6 form was another host", async () => {
    const deniedAddress = door([rule("deny", { hosts: ["10.0.0.1", "[2001:DB8:0::1]"] })]);
    for (const authority of ["[::ffff:10.0.0.1]", "[::FFFF:a00:1]:80", "10.0.0.1:80", "[2001:db8::1]"])
      expect([authority, await deniedAddress({ authority })]).toEqual([authority, "to"]);
  });

  test.each(["shop.example", "intra.example", ".intra.example".slice(1), "xadmin.example", "xintra.example"])(
    "%s is not",
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
    expect(await door([rule("allow", { hosts: ["*.example"] })])({ authority })).toBe("unreadable");
  });

  test("a rule's host has no case", async () => {
    expect(await door([rule("deny", { hosts: ["Admin.Example"] })])({ authority: "admin.example" })).toBe(
      "to",
    );
    expect(await door([rule("deny", { hosts: ["*.Example"] })])({ authority: "a.example" })).toBe("to");
  });

  test("where no rule names hosts, none is unreadable", async () => {
    expect(await door([rule("allow", { methods: ["GET"] })])({ authority: "" })).toBe("passed");
  });
});

describe("methods", () => {
  test("are exact; GET does not stand for HEAD", async () => {
    const allowed = door([rule("allow", { methods: ["GET"] })]);
    expect(await allowed({ method: "GET" })).toBe("passed");
    expect(await allowed({ method: "HEAD" })).toBe("otherwise");
  });

  test("what denies one denies it in lower case, too, which some origins take for the same", async () => {
    expect(await door([rule("deny", { methods: ["DELETE"] })])({ method: "delete" })).toBe("to");
    expect(await door([rule("allow", { methods: ["DELETE"] })])({ method: "delete" })).toBe("otherwise");
  });
});

describe("routes", () => {
  test("are matched by their name", async () => {
    const call = door([rule("deny", { routes: ["cart", "till"] })]);
    expect(await call({ route: { name: "till" } })).toBe("to");
    expect(await call({ route: { name: "tills" } })).toBe("passed");
  });
});
