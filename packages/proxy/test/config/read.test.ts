import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { isLeft } from "@pagoda/core";
import { describe, expect, test } from "vitest";
import { problemText } from "../../src/config/document.ts";
import { readConfig } from "../../src/config/read.ts";
import type { Config } from "../../src/config/schema/config.ts";

/** The problems as printed. */
function problems(text: string): readonly string[] {
  const read = readConfig(text);
  return isLeft(read) ? read.left.map((problem) => problemText("f", problem)) : [];
}

function valid(config: object): Config {
  const read = readConfig(JSON.stringify(config));
  if (isLeft(read)) throw new Error(read.left.map((problem) => problemText("f", problem)).join("\n"));
  return read.right;
}

const twenty = (anchor: string): string => Array.from({ length: 20 }, () => `*${anchor}`).join(", ");

const shop = { clusters: { shop: { endpoints: ["http://a:1"] } } };
const listener = { address: "127.0.0.1:0", routes: [{ name: "all", cluster: "shop" }] };

describe("a problem has its place, the value and what is valid:", () => {
  const rows: [name: string, text: string, lines: string[]][] = [
    [
      "a misspelled field",
      "listeners:\n  - address: 127.0.0.1:1\n    routes: [{ name: a, cluster: s, polcies: {} }]\nclusters: { s: { endpoints: [http://a:1] } }\n",
      ["f:3:37: listeners[0].routes[0].polcies: unknown field; did you mean policies?"],
    ],
    [
      "an unknown cluster",
      "listeners:\n  - address: 127.0.0.1:1\n    routes:\n      - name: a\n        cluster: shpo\nclusters:\n  shop: { endpoints: [http://a:1] }\n",
      ['f:5:18: listeners[0].routes[0].cluster: unknown cluster "shpo"; did you mean shop?'],
    ],
    [
      "a gRPC authorization server whose cluster speaks HTTP/1.1, and settings of the other protocol",
      `listeners:
  - address: 127.0.0.1:1
    policies:
      extAuthz: { cluster: s, protocol: grpc, path: /auth }
    routes:
      - name: a
        cluster: s
        policies: { extAuthz: { cluster: s, copyHeaders: [x-user, Host], contextExtensions: { a: b }, requestBody: { max: 1KiB, asBytes: true } } }
clusters: { s: { endpoints: [http://a:1] } }
`,
      [
        'f:4:28: listeners[0].policies.extAuthz.cluster: must be a cluster with protocol: http2 (got "s", http1)',
        "f:4:53: listeners[0].policies.extAuthz.path: has no effect with protocol: grpc",
        'f:8:67: listeners[0].routes[0].policies.extAuthz.copyHeaders[1]: must not frame a message or name its host (got "Host")',
        "f:8:93: listeners[0].routes[0].policies.extAuthz.contextExtensions: has no effect with protocol: http",
        "f:8:138: listeners[0].routes[0].policies.extAuthz.requestBody.asBytes: has no effect with protocol: http",
      ],
    ],
    ["a missing field", "clusters: {}\n", ["f:1:1: listeners: must be a list (missing)"]],
    [
      "a duration without a unit",
      "listeners:\n  - address: 127.0.0.1:1\n    routes: [{ name: a, cluster: s, policies: { timeout: 5 } }]\nclusters: { s: { endpoints: [http://a:1] } }\n",
      [
        "f:3:58: listeners[0].routes[0].policies.timeout: must be a duration: a number and one of ms, s, m, h, such as 250ms or 5s (got 5)",
      ],
    ],
    [
      "a YAML syntax error",
      "listeners: [\n",
      ["f:2:1: Flow sequence in block collection must be sufficiently indented and end with a ]"],
    ],
    [
      "an alias without an anchor",
      "listeners: *none\n",
      ["f:1:12: unknown anchor; quote strings that begin with *"],
    ],
    ...["!!timestamp 2020-01-01", "!!binary aGk=", "!!set { a, b }", "!!omap [a: 1]"].map(
      (value): [string, string, string[]] => [
        `a value that only some readers of YAML know: ${value}`,
        `log: ${value}\nlisteners: []\nclusters: {}\n`,
        ["f:1:6: tags are not supported; quote strings that begin with !"],
      ],
    ),
    [
      "exponential aliases",
      `a: &a [x]\nb: &b [${twenty("a")}]\nc: &c [${twenty("b")}]\nd: &d [${twenty("c")}]\ne: [${twenty("d")}]\n`,
      ["f:5:25: aliases must stand for at most 100000 values in all"],
    ],
    ["an alias that refers to itself", "log: &a { level: *a }\n", ["f:1:18: alias *a refers to itself"]],
    [
      "nesting that is too deep",
      `listeners: ${"[".repeat(100_000)}\n`,
      ["f:1:113: must be nested at most 100 levels deep"],
    ],
    ["a list as a field name", "? [a]\n: b\n", ["f:1:3: the name of a field must be a string"]],
    [
      "a field reserved by JavaScript",
      "clusters: { __proto__: { endpoints: ['http://a:1'] } }\n",
      ["f:1:13: field names must not be __proto__"],
    ],
    [
      "a file that is too large",
      " ".repeat(8 * 1_024 ** 2 + 1),
      ["f:1:1: must be at most 8388608 characters (got 8388609)"],
    ],
    [
      "an invalid value in one of several forms",
      "listeners:\n  - address: 127.0.0.1:1\n    routes: [{ name: a, cluster: s, match: { methods: GET, headers: [{ name: x, exact: 2 }] } }]\nclusters: { s: { endpoints: [{ url: 'http://a:1', weight: 0 }], balance: { strategy: maglev, key: addr } } }\n",
      [
        'f:3:55: listeners[0].routes[0].match.methods: must be a list (got "GET")',
        "f:3:88: listeners[0].routes[0].match.headers[0].exact: must be a string (got a number)",
        "f:4:59: clusters.s.endpoints[0].weight: must be a number above 0 (got 0)",
        'f:4:99: clusters.s.balance.key: must be address, identity, path, or { header: NAME } (got "addr")',
      ],
    ],
    ["a duplicate field", "clusters: {}\nclusters: {}\n", ["f:2:1: duplicate field clusters"]],
    [
      "two documents",
      "clusters: {}\n---\nclusters: {}\n",
      ["f:2:1: must be a single document; a second one begins here"],
    ],
    [
      "an unquoted string with a colon",
      "admin: { address: 127.0.0.1:1 }\ntracing:\n  endpoint: collector: x\n",
      [
        "f:3:13: unexpected field; indent the fields of an object equally, and quote strings that contain a colon",
      ],
    ],
    ["an empty file", "", ["f:1:1: listeners: must be a list (missing)"]],
  ];
  test.each(rows)("%s", (_name, text, lines) => {
    expect(problems(text)).toEqual(lines);
  });
});

describe("a field that is left out", () => {
  test("has its default, in listeners, routes, clusters and elsewhere", () => {
    const config = valid({ listeners: [listener], ...shop });
    expect(config).toMatchObject({
      listeners: [
        {
          protocols: ["http1", "http2"],
          maxConnections: 10_000,
          routes: [{ policies: { timeout: 15_000 } }],
        },
      ],
      clusters: {
        shop: {
          protocol: "http1",
          balance: "round-robin",
          panicThreshold: 0.5,
          pool: { maxConnections: 1_024, connectTimeout: 5_000 },
        },
      },
      admin: { address: { host: "127.0.0.1", port: 9_090 } },
      log: { level: "info", access: true, accessRatio: 0 },
      drain: { timeout: 30_000 },
      workers: "all",
    });
  });

  test("quantities have units", () => {
    const routes = [
      {
        name: "all",
        cluster: "shop",
        policies: {
          timeout: "1.5m",
          rateLimit: { global: { rate: "30/m" } },
          retry: { maxBody: "1.5MiB", budget: { ratio: "25%" } },
        },
      },
    ];
    const [{ policies } = { policies: undefined }] =
      valid({ listeners: [{ ...listener, routes }], ...shop }).listeners[0]?.routes ?? [];
    expect(policies).toMatchObject({
      timeout: 90_000,
      rateLimit: { global: { rate: 0.5 } },
      retry: { maxBody: 1_572_864, budget: { ratio: 0.25 } },
    });
  });

  test("fractions of a millisecond or byte are rounded", () => {
    const policies = { timeout: "1.0007s", retry: { maxBody: "1.0001KiB" } };
    const routes = [{ name: "all", cluster: "shop", policies }];
    const { listeners } = valid({ listeners: [{ ...listener, routes }], ...shop });
    expect(listeners[0]?.routes[0]?.policies).toMatchObject({ timeout: 1_001, retry: { maxBody: 1_024 } });
  });
});

test("reading any file returns a configuration or problems with valid places", () => {
  const full = readFileSync(new URL("../../examples/full.yaml", import.meta.url), "utf8");
  const lines = full.split("\n");
  const mutated = fc.record({
    at: fc.nat(lines.length - 1),
    how: fc.constantFrom("drop", "double", "indent", "value", "junk"),
    junk: fc.string(),
  });
  fc.assert(
    fc.property(fc.array(mutated, { minLength: 1, maxLength: 3 }), (changes) => {
      const now = [...lines];
      for (const { at, how, junk } of changes) {
        const line = now[at] ?? "";
        if (how === "drop") now.splice(at, 1);
        else if (how === "double") now.splice(at, 0, line);
        else if (how === "indent") now[at] = ` ${line}`;
        else if (how === "value") now[at] = line.replace(/: .*$/, `: ${junk}`);
        else now[at] = junk;
      }
      const text = now.join("\n");
      const read = readConfig(text);
      if (!isLeft(read)) return;
      expect(read.left.length).toBeGreaterThan(0);
      const count = text.split("\n").length;
      for (const { line, column, message } of read.left) {
        expect(line).toBeGreaterThanOrEqual(1);
        expect(line).toBeLessThanOrEqual(count);
        expect(column).toBeGreaterThanOrEqual(1);
        expect(message).not.toBe("");
      }
    }),
    { numRuns: 300 },
  );
});
