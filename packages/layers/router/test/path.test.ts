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
  return typeof normal === "string" ? normal : normal.reason;
}

describe("written path", () => {
  const sent = (path: string, options?: PathOptions): string => {
    const table = routeTable([], options);
    const normal = table.pathOf(path);
    return typeof normal === "string" ? table.writtenOf(path, normal) : normal.reason;
  };

  test.each([
    "/%7Euser/a%2fb",
    "/%7euser/%41",
    "/caf%c3%a9/%2F",
    "/a//b",
    "/.well-known/%2e%2e%2e",
    "/%252e%252e/%2561",
    "/a%2f..%2fb",
  ])("defect: the escapes of %s were rewritten", (path) => {
    expect(sent(path)).toBe(path);
  });

  test.each<[PathOptions | undefined, string, string]>([
    [undefined, "/%7Ea/./b%2fc/%2e%2E/d", "/%7Ea/d"],
    [undefined, "/a/%2e", "/a/"],
    [{ mergeSlashes: true }, "//%7ea///b/", "/%7ea/b/"],
    [{ escapedSlashes: "decode" }, "/%7ea%2fb%2F..", "/%7ea/"],
    [{ backslashes: "slash" }, "/%7ea\\..%5cb", "/b"],
    [{ backslashes: "keep" }, "/%7ea%5cb", "/%7ea%5cb"],
    [{ normalize: "rfc3986" }, "/%7Euser/a%2fb", "/~user/a%2Fb"],
    [{ normalize: "off" }, "/%7Euser/../a%2fb%zz\\", "/%7Euser/../a%2fb%zz\\"],
    [{ normalize: "off" }, "/a#b", "fragment"],
    [{ normalize: "off" }, "a", "relative"],
  ])("by %j of %s is %s", (options, path, expected) => {
    expect(sent(path, options)).toBe(expected);
  });

  test("has the matched normal form and no new bytes", () => {
    fc.assert(
      fc.property(paths, pathOptions, (path, options) => {
        const table = routeTable([], options);
        const normal = table.pathOf(path);
        if (typeof normal !== "string") return;
        const written = table.writtenOf(path, normal);
        expect(table.pathOf(written)).toBe(normal);
        expect(table.writtenOf(written, normal)).toBe(written);
        expect(written.split("/").every((segment) => !/^(?:\.|%2e){1,2}$/i.test(segment))).toBe(true);
        const kept = new Set(path.split("/"));
        const replaced = /%2f|%5c|\\/i.test(path);
        expect(replaced || written.split("/").every((segment) => kept.has(segment))).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  test("normalize off excludes the other options", () => {
    expect(() => routeTable([], { normalize: "off", mergeSlashes: true })).toThrow(
      'router: normalize must be other than "off" with mergeSlashes, escapedSlashes or backslashes (got "off")',
    );
  });
});

describe("normal form", () => {
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
  ])("%s is refused: %s", (path, reason) => {
    expect(pathOf(path)).toBe(reason);
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

  test("is idempotent and has no dot segments", () => {
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

  test("a plain path is returned unchanged", () => {
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

  test("agrees with the platform's URL where comparable", () => {
    const simple = fc.array(fc.constantFrom("a", ".", "..", "%2e", ".%2E", "", "b"), { maxLength: 6 });
    fc.assert(
      fc.property(simple, (segments) => {
        // A leading `//` would be a host, and the platform ignores `..` at the root, which is refused here.
        const path = `/a/${segments.join("/")}`;
        const normal = pathOf(path);
        fc.pre(normal !== "above-root");
        expect(normal).toBe(new URL(`http://h${path}`).pathname);
      }),
    );
  });

  test.each([
    [{ normalize: "full" }, 'router: normalize must be "minimal", "rfc3986" or "off" (got "full")'],
    [{ mergeSlashes: "yes" }, 'router: mergeSlashes must be false or true (got "yes")'],
    [{ escapedSlashes: "drop" }, 'router: escapedSlashes must be "keep", "decode" or "refuse" (got "drop")'],
    [{ backslashes: "decode" }, 'router: backslashes must be "refuse", "keep" or "slash" (got "decode")'],
  ])("rejects %j", (options, message) => {
    expect(() => routeTable([], options as PathOptions)).toThrow(RangeError);
    expect(() => routeTable([], options as PathOptions)).toThrow(message);
  });
});
