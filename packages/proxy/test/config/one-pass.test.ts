import * as fc from "fast-check";
import { expect, test } from "vitest";
import { stringify } from "yaml";
import { type Examined, examine } from "../../src/config/read.ts";
import { ConfigDocument, pathText } from "../../src/config/document.ts";
import { builtInPolicies } from "../../src/policies/registry.ts";

const shop = { endpoints: ["http://a:1"] };
const listener = { address: "127.0.0.1:0", routes: [{ name: "all", cluster: "shop" }] };

function examined(text: string): Examined {
  return examine(new ConfigDocument(text), builtInPolicies);
}

function problems(config: object): readonly string[] {
  return examined(JSON.stringify(config)).problems.map(({ path, message }) => `${path}: ${message}`);
}

test("an invalid field hides no other problem", () => {
  const found = problems({
    listeners: [
      {
        ...listener,
        maxConnections: 0,
        tls: 5,
        name: "x",
        policies: { authorize: { rules: [{ name: "r", effect: "deny", from: { identities: ["a"] } }] } },
      },
      { address: "127.0.0.1:7", routes: 5, name: "x" },
      {
        address: "127.0.0.1:7",
        routes: [
          { name: "a", cluster: "shop", match: { methods: 5 } },
          { name: "b", cluster: "carts" },
          { name: "b", cluster: "cart" },
        ],
        name: "z",
      },
    ],
    clusters: {
      shop: { endpoints: ["http://a:1", "http://a:1"], policies: { timeout: "1y" } },
      cart: { dns: {} },
    },
    admin: { address: "127.0.0.1:7" },
  });
  expect(found.map((each) => each.split(": ")[0])).toEqual([
    "listeners[0].maxConnections",
    "listeners[0].tls",
    "listeners[1].routes",
    "listeners[1].name",
    "listeners[2].address",
    "listeners[2].routes[0].match.methods",
    "listeners[2].routes[1].cluster",
    "listeners[2].routes[2].name",
    "clusters.shop.endpoints[1]",
    "clusters.shop.policies.timeout",
    "clusters.cart.dns.host",
    "clusters.cart.dns.port",
    "admin.address",
  ]);
});

test("problems that an invalid field may have caused are not reported", () => {
  const rule = { name: "r", effect: "deny", from: { identities: ["a"] } };
  // With a valid `tls`, clients may have identities; with a valid `match`, the route may not shadow
  // the other.
  const route = { name: "a", cluster: "shop", match: { path: 5 } };
  const found = problems({
    listeners: [
      {
        ...listener,
        tls: { clients: 5 },
        policies: { authorize: { rules: [rule] } },
        routes: [route, { name: "b", cluster: "cart" }],
      },
    ],
    clusters: { shop, cart: { endpoints: 5 } },
  });
  expect(found.map((each) => each.split(": ")[0])).toEqual([
    "listeners[0].routes[0].match.path",
    "listeners[0].tls.certificates",
    "listeners[0].tls.clients",
    "clusters.cart.endpoints",
  ]);
});

test("invalid clusters hide nothing and cause no further problems", () => {
  expect(problems({ listeners: [listener], clusters: [] })).toEqual([expect.stringMatching(/^clusters: /)]);
  expect(problems({ listeners: [listener], clusters: { shop, "a b": shop } })).toEqual([
    expect.stringMatching(/^clusters.a b: /),
  ]);
  expect(problems({ listeners: 5, clusters: { shop } })).toEqual([expect.stringMatching(/^listeners: /)]);
});

/** Parts of configurations, in places where they may or may not be valid. */
const words = fc.constantFrom<unknown>(
  "shop",
  "http://a:1",
  "5s",
  "10%",
  "GET",
  "/a",
  "127.0.0.1:0",
  0,
  1,
  -1,
  1e308,
  true,
  null,
  "",
  [],
  {},
  "all",
  "(",
  "\u0000",
);
const names = fc.constantFrom(
  "listeners",
  "clusters",
  "routes",
  "name",
  "address",
  "match",
  "path",
  "prefix",
  "regex",
  "policies",
  "timeout",
  "retry",
  "cluster",
  "endpoints",
  "url",
  "weight",
  "dns",
  "host",
  "port",
  "tls",
  "balance",
  "key",
  "headers",
  "shop",
  "constructor",
  "toString",
  "hasOwnProperty",
  "respond",
  "status",
  "redirect",
  "authorize",
  "rules",
  "check",
  "type",
  "file",
  "admin",
  "log",
);
const { value: anything } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 6 },
    words,
    fc.anything({ withBigInt: false }),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(names, tie("value"), { maxKeys: 5 }),
  ),
}));

test("reading any document gives problems or a configuration, and never throws", () => {
  fc.assert(
    fc.property(
      fc.record(
        {
          listeners: fc.oneof(fc.array(anything), anything),
          clusters: fc.oneof(fc.dictionary(names, anything), anything),
          log: anything,
        },
        { requiredKeys: [] },
      ),
      fc.boolean(),
      (value, asYaml) => {
        let text: string | undefined;
        try {
          text = asYaml ? stringify(value) : JSON.stringify(value);
        } catch {
          // What cannot be written cannot be read.
        }
        const { problems, config } = examined(text ?? "");
        expect(problems.length > 0 || config !== undefined).toBe(true);
        expect(
          problems.every(({ line, column, message }) => line > 0 && column > 0 && message.length < 2_000),
        ).toBe(true);
      },
    ),
    { numRuns: 1_000 },
  );
});

test("reading any text gives problems or a configuration, and never throws", () => {
  const pieces = fc.constantFrom(
    "listeners:",
    "clusters",
    ":",
    " ",
    "\n",
    "- ",
    "&a ",
    "*a",
    "[",
    "]",
    "{",
    "}",
    ",",
    "? ",
    "| ",
    "> ",
    "'",
    '"',
    "\\",
    "#",
    "!x ",
    "!!str ",
    "<<: ",
    "%YAML 1.1\n",
    "---",
    "...",
    "\t",
    "\0",
    "\uFEFF",
    "x",
    "1",
    "~",
    "__proto__: ",
  );
  fc.assert(
    fc.property(
      fc.array(fc.oneof({ weight: 9, arbitrary: pieces }, fc.string()), { maxLength: 60 }),
      (parts) => {
        const { problems, config } = examined(parts.join(""));
        expect(problems.length > 0 || config !== undefined).toBe(true);
      },
    ),
    { numRuns: 3_000 },
  );
});

test("reading takes linear time: 50,000 endpoints, clusters, routes, mistakes", () => {
  const many = <T>(make: (n: number) => T): T[] => Array.from({ length: 50_000 }, (_, n) => make(n));
  const endpoints = many((n) => `http://10.0.${n >> 8}.${n & 255}:8080`);
  expect(problems({ listeners: [listener], clusters: { shop: { endpoints } } })).toEqual([]);
  expect(problems({ listeners: [listener], clusters: { shop: { endpoints: many((n) => n) } } })).toHaveLength(
    50_000,
  );
  const clusters = Object.fromEntries(many((n) => [`c${n}`, 5]));
  expect(problems({ listeners: [listener], clusters: { ...clusters, shop } })).toHaveLength(50_000);
  const routes = Array.from({ length: 5_000 }, (_, n) => ({
    name: `r${n}`,
    match: { path: `/${n}` },
    cluster: `c${n}`,
  }));
  expect(problems({ listeners: [{ ...listener, routes }], clusters: { shop } })).toHaveLength(5_000);
});

test("paths are written like field access", () => {
  expect(pathText(["clusters", "x".repeat(1_000), 0])).toBe(`clusters.${"x".repeat(100)}…[0]`);
});
