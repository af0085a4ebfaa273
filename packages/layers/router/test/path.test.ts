import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type PathOptions, routeTable } from "@pagoda/router";

const paths = fc
  .array(
    fc.constantFrom(
      "/",
      "/",
      ".",
      "..",
      "a",
      "%2e",
      "%2E",
      "%2f",
      "%5C",
      "\\",
      "%41",
      "%e9",
      "%25",
      "2e",
      "é",
      "%7e",
      "%",
    ),
    { maxLength: 14 },
  )
  .map((parts) => `/${parts.join("")}`);
const pathOptions: fc.Arbitrary<PathOptions> = fc.record({
  mergeSlashes: fc.boolean(),
  escapedSlashes: fc.constantFrom("keep", "decode", "refuse"),
  backslashes: fc.constantFrom("keep", "slash", "refuse"),
});

function pathOf(path: string, options?: PathOptions): string {
  const normal = routeTable([], options).pathOf(path);
  return typeof normal === "string" ? normal : normal.trouble;
}

describe("the normal form of a path", () => {
  test.each([
    ["/", "/"],
    ["/a/b", "/a/b"],
    ["/a//b", "/a//b"],
    ["*", "*"],
    ["/a/./b", "/a/b"],
    ["/a/../b", "/b"],
    ["/a/b/..", "/a/"],
    ["/a/.", "/a/"],
    ["/a//../b", "/a/b"],
    ["/.well-known/x", "/.well-known/x"],
    ["/a/...", "/a/..."],
    ["/a/%2e%2E/b", "/b"],
    ["/a/.%2e/b", "/b"],
    ["/%61%7e%2D", "/a~-"],
    ["/caf%c3%a9", "/caf%C3%A9"],
    ["/a%2fb", "/a%2Fb"],
    ["/a%2f..%2fb", "/a%2F..%2Fb"],
    ["/%252e%252e/b", "/%252e%252e/b"],
    ["/a%00b", "/a%00b"],
  ])("of %s is %s", (path, normal) => {
    expect(pathOf(path)).toBe(normal);
  });

  test.each([
    ["", "relative"],
    ["a/b", "relative"],
    ["**", "relative"],
    ["//../..", "above-root"],
    ["/..", "above-root"],
    ["/a/../..", "above-root"],
    ["/%2e%2e/etc/passwd", "above-root"],
    ["/%", "malformed-percent"],
    ["/a%2", "malformed-percent"],
    ["/a%zz", "malformed-percent"],
    ["/a%u0041", "malformed-percent"],
    ["/a#b", "fragment"],
    ["/a\\b", "backslash"],
    ["/a%5cb", "backslash"],
  ])("%s has none: %s", (path, trouble) => {
    expect(pathOf(path)).toBe(trouble);
  });

  test.each<[PathOptions, string, string]>([
    [{ mergeSlashes: true }, "//a///b/", "/a/b/"],
    [{ mergeSlashes: true }, "/a//../b", "/b"],
    [{ escapedSlashes: "decode" }, "/a%2fb%2F..", "/a/"],
    [{ escapedSlashes: "decode" }, "/a%2f%2e%2e%2f..", "above-root"],
    [{ escapedSlashes: "decode", mergeSlashes: true }, "/a%2f/b", "/a/b"],
    [{ escapedSlashes: "refuse" }, "/a%2fb", "escaped-slash"],
    [{ backslashes: "slash" }, "/a\\..%5cb", "/b"],
    [{ backslashes: "keep" }, "/a\\..%5cb", "/a\\..%5Cb"],
  ])("by %j of %s is %s", (options, path, normal) => {
    expect(pathOf(path, options)).toBe(normal);
  });

  test("has the normal form of itself, and no way up", () => {
    fc.assert(
      fc.property(paths, pathOptions, (path, options) => {
        const table = routeTable([], options);
        const normal = table.pathOf(path);
        if (typeof normal !== "string") return;
        expect(table.pathOf(normal)).toBe(normal);
        expect(normal).toMatch(/^\//);
        expect(normal.split("/")).not.toContain("..");
        expect(normal.split("/")).not.toContain(".");
        expect(normal).not.toMatch(/%[0-9A-F]?[a-f]|%2E/);
        expect(options.mergeSlashes === true && normal.includes("//")).toBe(false);
        expect(options.escapedSlashes !== "keep" && normal.includes("%2F")).toBe(false);
        expect(options.backslashes !== "keep" && /\\|%5C/.test(normal)).toBe(false);
      }),
      { numRuns: 2_000 },
    );
  });

  test("a plain path is given back as it is", () => {
    const plain = fc
      .array(fc.constantFrom("a", "/", "-", "%", "b.c", "..d", "é"))
      .map((parts) => `/${parts.join("")}`);
    fc.assert(
      fc.property(
        plain.map((path) => path.replaceAll("%", "%2F")),
        (path) => {
          const segments = path.split("/");
          fc.pre(!segments.includes(".") && !segments.includes(".."));
          expect(pathOf(path)).toBe(path);
        },
      ),
    );
  });

  test("what the platform's URL makes of a path is the same, as far as it goes", () => {
    const simple = fc.array(fc.constantFrom("a", ".", "..", "%2e", ".%2E", "", "b"), { maxLength: 6 });
    fc.assert(
      fc.property(simple, (segments) => {
        // `//` at the beginning would be a host, and the platform stays at the root where this refuses.
        const path = `/a/${segments.join("/")}`;
        const normal = pathOf(path);
        fc.pre(normal !== "above-root");
        expect(normal).toBe(new URL(`http://h${path}`).pathname);
      }),
    );
  });

  test.each([
    [{ mergeSlashes: "yes" }, 'mergeSlashes is "yes"; valid are false, true'],
    [{ escapedSlashes: "drop" }, 'escapedSlashes is "drop"; valid are keep, decode, refuse'],
    [{ backslashes: "decode" }, 'backslashes is "decode"; valid are refuse, keep, slash'],
  ])("does not take %j", (options, message) => {
    expect(() => routeTable([], options as PathOptions)).toThrow(RangeError);
    expect(() => routeTable([], options as PathOptions)).toThrow(message);
  });
});
