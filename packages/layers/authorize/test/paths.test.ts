import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { guard, paths } from "./bench.ts";

/** Denies everything below `/admin`, and nothing else. */
const guarded = guard([paths("deny", "/admin/*")]);
/** Allows everything below `/public`, and nothing else. */
const open = guard([paths("allow", "/public/*")]);

describe("paths", () => {
  test("a path ending in /* is a prefix at a segment boundary", async () => {
    for (const path of ["/admin", "/admin/", "/admin/x", "/admin/x/y"])
      expect([path, await guarded({ path })]).toEqual([path, "deny-paths"]);
    for (const path of ["/administrator", "/", "/x/admin", "/Admin"])
      expect([path, await guarded({ path })]).toEqual([path, "passed"]);
  });

  test("/* matches every path", async () => {
    const every = guard([paths("allow", "/*")]);
    for (const path of ["/", "/a", "/a/b", "/a%20b"])
      expect([path, await every({ path })]).toEqual([path, "passed"]);
  });

  test("other paths match exactly, and a deny rule also matches a trailing slash", async () => {
    const allowed = guard([paths("allow", "/cart")]);
    expect(await allowed({ path: "/cart" })).toBe("passed");
    for (const path of ["/cart/", "/cart/x", "/car"])
      expect([path, await allowed({ path })]).toEqual([path, "otherwise"]);
    const denied = guard([paths("deny", "/cart")]);
    for (const path of ["/cart", "/cart/"])
      expect([path, await denied({ path })]).toEqual([path, "deny-paths"]);
    for (const path of ["/cart/x", "/car"]) expect([path, await denied({ path })]).toEqual([path, "passed"]);
    expect(await guard([paths("deny", "/")])({ path: "/" })).toBe("deny-paths");
  });

  test("no rule matches the * of OPTIONS", async () => {
    expect(await guard([paths("allow", "/*")])({ method: "OPTIONS", path: "*" })).toBe("otherwise");
    expect(await guard([paths("deny", "/*")])({ method: "OPTIONS", path: "*" })).toBe("passed");
  });

  test.each([
    "/%61dmin/x",
    "/%61%64%6D%69%6e",
    "//admin",
    "///admin//x",
    "/./admin",
    "/x/../admin/y",
    "/x/%2e%2e/admin",
    "/x/%2E./admin",
    "/x//../admin",
    "/x//../../admin",
    "/x//..//../admin",
    "/x/..%2fadmin",
    "/x%2F..%2fadmin",
    "/admin%2fx",
    "/%2fadmin",
    "/admin;v=1/x",
    "/admin;",
    "/x/..;/admin",
    "/x/..;a=b/admin/y",
    "/%61dmin%3bv=1",
    "/../admin",
    "/../../x/../admin",
    "/admin/../x",
    "/admin/%2e%2e/x",
    "/admin/.",
    "/x/%252e/..%2f../admin",
    "//x/../admin//../y",
  ])("a deny rule cannot be bypassed with %s", async (path) => {
    expect(await guarded({ path })).toBe("deny-paths");
  });

  test.each([
    "/public/../admin",
    "/public/%2e%2e/admin",
    "/public/%2E%2e/admin",
    "/public/..%2fadmin",
    "/public%2f..%2fadmin",
    "/public/..;/admin",
    "/public/x/../../admin",
    "/public//../../admin",
    "/public;/../x/../admin",
    "/x/../public/a",
    "//public/a",
    "/public%2fa",
    "/public/..%2f",
  ])("an allow rule does not allow %s", async (path) => {
    expect(await open({ path })).toBe("otherwise");
  });

  test.each([
    "/public/a%20b",
    "/public/a%2Fb",
    "/public/a//b",
    "/public/x/../y",
    "/public/./y",
    "/public/a;v=1",
    "/%70ublic/a",
    "/public/caf%C3%A9",
    "/public/100%25",
  ])("%s is allowed, as all its variants are", async (path) => {
    expect(await open({ path })).toBe("passed");
  });

  test("percent-encoding makes no difference, in the rule or in the request", async () => {
    const named = guard([paths("deny", "/@adm%69n/caf%c3%a9/*")]);
    for (const path of ["/@admin/caf%C3%A9", "/%40admin/caf%c3%a9/x"])
      expect([path, await named({ path })]).toEqual([path, "deny-paths"]);
  });

  test.each([
    "/x\\admin",
    "/x%5cadmin",
    "/x%5Cadmin",
    "/x#admin",
    "/x?admin",
    "/x%00",
    "/x%1f",
    "/x%7F",
    "/x\0",
    "/x\u007F",
    "/x y",
    "/x\r\ny",
    "/café",
    "/x%",
    "/x%2",
    "/x%zz",
    "x",
    "",
    "http://shop.example/",
    "**",
  ])("%j is denied as unreadable, whatever the rules", async (path) => {
    expect(await guarded({ path })).toBe("unreadable");
    expect(await guard([paths("allow", "/*")])({ path })).toBe("unreadable");
    expect(await guard([paths("deny", "/admin")], { otherwise: "allow" })({ path })).toBe("unreadable");
  });

  test("no path is unreadable if no rule names paths", async () => {
    expect(await guard([{ name: "all", effect: "allow" }])({ path: "/x\\admin" })).toBe("passed");
  });

  test("a long ambiguous path is unreadable", async () => {
    expect(await open({ path: `/public/;${"a".repeat(1_015)}` })).toBe("passed");
    expect(await open({ path: `/public/;${"a".repeat(1_016)}` })).toBe("unreadable");
  });

  test("a long unambiguous path is matched", async () => {
    expect(await open({ path: `/public/${"a".repeat(50_000)}` })).toBe("passed");
    expect(await open({ path: `/public/${"%20".repeat(2_727)}` })).toBe("passed");
    expect(await open({ path: `/public/${"%20".repeat(2_728)}` })).toBe("passed");
    expect(await open({ path: `/public/${"%20".repeat(2_729)}` })).toBe("unreadable");
  });

  test("an escaped slash next to a doubly escaped one keeps all variants (defect: lost one)", async () => {
    expect(await guarded({ path: "/admin%2f%252f" })).toBe("deny-paths");
    const exact = guard([paths("deny", "/a/b%252fc")]);
    expect(await exact({ path: "/a%2fb%252fc" })).toBe("deny-paths");
  });

  test("property: no spelling of a path bypasses a rule", async () => {
    const escape = (character: string): string => `%${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
    const written = fc
      .array(
        fc.tuple(fc.constantFrom("as is", "escaped"), fc.constantFrom("/", "//", "/./", "/x/../", "/;a/../")),
        {
          minLength: 12,
          maxLength: 12,
        },
      )
      .map((ways) =>
        [..."/admin/x/yz"].map((character, n) => {
          const [way, slash] = ways[n] as [string, string];
          if (character === "/") return slash;
          return way === "escaped" ? escape(character) : character;
        }),
      )
      .map((parts) => parts.join(""));
    await fc.assert(
      fc.asyncProperty(written, async (path) => {
        expect(await guarded({ path })).toBe("deny-paths");
      }),
    );
  });

  test("property: an allowed path stays below its prefix in every interpretation", async () => {
    const part = fc.constantFrom(
      "public",
      "a",
      "..",
      ".",
      "%2e%2e",
      "%2f",
      "/",
      ";",
      "..;",
      "%2F..",
      "%2e",
      "//",
    );
    await fc.assert(
      fc.asyncProperty(fc.array(part, { maxLength: 10 }), async (parts) => {
        const path = `/public/${parts.join("/")}`;
        if ((await open({ path })) !== "passed") return;
        for (const decoded of [path, path.replaceAll(/%2f/gi, "/")]) {
          for (const named of [decoded, decoded.replaceAll(/;[^/]*/g, "")]) {
            for (const merged of [named, named.replaceAll(/\/+/g, "/")]) {
              const { pathname } = new URL(`http://shop.example${merged}`);
              expect(`${pathname}/`).toMatch(/^\/public\//);
            }
          }
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
