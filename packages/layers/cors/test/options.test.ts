import { cors, type CorsOptions, originProblem } from "@pagoda/cors";
import { describe, expect, test } from "vitest";
import { app, ask, pass } from "./bench.ts";

async function isAllowed(origins: CorsOptions["origins"], origin: string): Promise<boolean> {
  const { fields } = await pass({ origins }, ask({ origin }));
  return fields["access-control-allow-origin"] === origin;
}

describe("origins of a list", () => {
  test.each([
    "https://app.example",
    "http://localhost:3000",
    "http://127.0.0.1:8080",
    "http://[::1]:8080",
    "https://xn--mnchen-3ya.example",
    "capacitor://localhost",
    "chrome-extension://abcdefghijklmnop",
  ])("%s matches exactly itself", async (origin) => {
    expect(originProblem(origin)).toBeUndefined();
    expect(await isAllowed([origin], origin)).toBe(true);
    expect(await isAllowed([origin], `${origin}1`)).toBe(false);
    expect(await isAllowed([origin], origin.toUpperCase())).toBe(false);
  });

  test.each([
    ["https://a.app.example", true],
    ["https://a.b.app.example", true],
    ["https://app.example", false],
    ["https://.app.example", false],
    ["https://evilapp.example", false],
    ["http://ab.app.example", false],
    ["https://a.app.example:8443", false],
    ["https://a.app.example.evil", false],
    ["https://evil.example/.app.example", false],
    ["https://evil.example#.app.example", false],
    ["https://evil@a.app.example", false],
  ])("https://*.app.example matches %s: %s", async (origin, matches) => {
    expect(await isAllowed(["https://*.app.example"], origin)).toBe(matches);
  });

  test("a wildcard may have a port", async () => {
    expect(await isAllowed(["http://*.localhost:3000"], "http://shop.localhost:3000")).toBe(true);
    expect(await isAllowed(["http://*.localhost:3000"], "http://shop.localhost:3001")).toBe(false);
  });

  test.each([
    "app.example",
    "https://app.example/",
    "https://app.example/path",
    "https://App.example",
    "https://app.example:443",
    "https://münchen.example",
    "https://*",
    "https://*app.example",
    "https://app.*.example",
    "https://*.*.example",
    "*://app.example",
    "",
  ])("%j could never match and is rejected", (origin) => {
    expect(() => cors({ origins: [app, origin] })).toThrow(
      `cors: origins[1] must be an origin such as https://app.example or https://*.app.example, without a path (got ${JSON.stringify(origin)})`,
    );
  });

  test("an origin with user information is rejected without showing it", () => {
    expect(() => cors({ origins: ["https://user@app.example"] })).toThrow(
      /cors: origins\[0\] must be an origin .* \(got "https:\/\/\(not shown\)@app.example"\)/,
    );
  });

  test("null is rejected, because any site can have that origin", () => {
    expect(() => cors({ origins: ["null"] })).toThrow(
      'without a path; a function can allow null (got "null")',
    );
  });
});

test("an empty list is rejected", () => {
  expect(() => cors({ origins: [] })).toThrow(
    'cors: origins must be "*", a function, or a list with at least one origin (got [])',
  );
});

test("a string other than * is rejected", () => {
  // @ts-expect-error: Type '"https://app.example"' is not assignable.
  expect(() => cors({ origins: app })).toThrow(RangeError);
});

test("credentials are never combined with a wildcard, which browsers reject or take literally", () => {
  const credentials = true;
  expect(() => cors({ origins: "*", credentials })).toThrow(
    'cors: origins must be a list or a function with credentials, not "*" (got "*")',
  );
  for (const option of ["methods", "headers", "exposedHeaders"] as const) {
    expect(() => cors({ origins: [app], credentials, [option]: ["*"] })).toThrow(
      `cors: ${option}[0] must be a name with credentials, not "*" (got "*")`,
    );
    expect(() => cors({ origins: [app], [option]: ["*"] })).not.toThrow();
  }
});

test("methods and headers must be tokens", () => {
  expect(() => cors({ origins: "*", methods: ["GET", "GET, PUT"] })).toThrow(
    'cors: methods[1] must be a method (got "GET, PUT")',
  );
  expect(() => cors({ origins: "*", headers: [""] })).toThrow(
    'cors: headers[0] must be a header name (got "")',
  );
  expect(() => cors({ origins: "*", exposedHeaders: ["a\r\nb"] })).toThrow(RangeError);
});

test.each([-1, NaN, Infinity])("rejects %d as maxAgeMs", (maxAgeMs) => {
  expect(() => cors({ origins: "*", maxAgeMs })).toThrow("cors: maxAgeMs must be a number");
});
