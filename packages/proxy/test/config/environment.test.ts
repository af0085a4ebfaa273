import { isLeft, isRight, left, right } from "@pagoda/core";
import { describe, expect, test } from "vitest";
import {
  defaults,
  override,
  type Overrides,
  readEnvironment,
  variableProblemText,
  variables,
} from "../../src/config/environment.ts";
import { loadConfig } from "../../src/config/load.ts";
import { readConfig } from "../../src/config/read.ts";
import type { Config } from "../../src/config/schema/config.ts";
import { Folder } from "../e2e/configured.ts";

type Variable = keyof typeof variables;

const nothing: Overrides = {
  file: undefined,
  listen: undefined,
  upstreams: undefined,
  admin: undefined,
  requestTimeoutMs: undefined,
  maxConnections: undefined,
  workers: undefined,
  logLevel: undefined,
};

const fields: Readonly<Record<Variable, keyof Overrides>> = {
  PROXY_CONFIG: "file",
  PROXY_LISTEN_ADDR: "listen",
  PROXY_UPSTREAM_ADDRS: "upstreams",
  PROXY_METRICS_ADDR: "admin",
  PROXY_REQUEST_TIMEOUT_MS: "requestTimeoutMs",
  PROXY_MAX_CONNECTIONS: "maxConnections",
  PROXY_WORKERS: "workers",
  LOG_LEVEL: "logLevel",
};

describe("an unset variable", () => {
  test("sets nothing", () => {
    expect(readEnvironment({})).toEqual(right(nothing));
  });

  test.each(Object.keys(fields))("is equivalent to an empty or blank %s", (variable) => {
    expect(readEnvironment({ [variable]: "" })).toEqual(right(nothing));
    expect(readEnvironment({ [variable]: "  " })).toEqual(right(nothing));
  });

  test("does not affect other variables", () => {
    expect(readEnvironment({ PATH: "/bin", PROXY_UNKNOWN: "x" })).toEqual(right(nothing));
  });
});

describe("reads", () => {
  const addresses: readonly (readonly [string, { host: string; port: number }])[] = [
    ["0.0.0.0:80", { host: "0.0.0.0", port: 80 }],
    ["localhost:8080", { host: "localhost", port: 8080 }],
    ["proxy.example.com:65535", { host: "proxy.example.com", port: 65535 }],
    ["127.0.0.1:0", { host: "127.0.0.1", port: 0 }],
    ["[::1]:3000", { host: "::1", port: 3000 }],
    ["[::]:3000", { host: "::", port: 3000 }],
    ["[::ffff:127.0.0.1]:3000", { host: "::ffff:127.0.0.1", port: 3000 }],
    [" 127.0.0.1:3000 ", { host: "127.0.0.1", port: 3000 }],
  ];
  const rows: readonly (readonly [Variable, string, unknown])[] = [
    ...addresses.map(([text, value]) => ["PROXY_LISTEN_ADDR", text, value] as const),
    ...addresses.map(([text, value]) => ["PROXY_METRICS_ADDR", text, value] as const),
    ["PROXY_UPSTREAM_ADDRS", "http://127.0.0.1:8001", ["http://127.0.0.1:8001"]],
    [
      "PROXY_UPSTREAM_ADDRS",
      "http://a:1,https://b:2,http://b:1",
      ["http://a:1", "https://b:2", "http://b:1"],
    ],
    ["PROXY_UPSTREAM_ADDRS", " http://a:1 , http://b:2 ", ["http://a:1", "http://b:2"]],
    ["PROXY_UPSTREAM_ADDRS", "http://a:1/", ["http://a:1"]],
    ["PROXY_UPSTREAM_ADDRS", "HTTP://Example.COM:8080", ["http://example.com:8080"]],
    ["PROXY_UPSTREAM_ADDRS", "http://a,https://a", ["http://a", "https://a"]],
    ["PROXY_UPSTREAM_ADDRS", "http://a:80,https://a:443", ["http://a", "https://a"]],
    ["PROXY_UPSTREAM_ADDRS", "http://[::1]:8001", ["http://[::1]:8001"]],
    ["PROXY_REQUEST_TIMEOUT_MS", "1", 1],
    ["PROXY_REQUEST_TIMEOUT_MS", "2147483647", 2_147_483_647],
    ["PROXY_REQUEST_TIMEOUT_MS", "007", 7],
    ["PROXY_MAX_CONNECTIONS", "1", 1],
    ["PROXY_MAX_CONNECTIONS", "1000000", 1_000_000],
    ["PROXY_WORKERS", "all", "all"],
    ["PROXY_WORKERS", "1", 1],
    ["PROXY_WORKERS", "1024", 1_024],
    ["PROXY_CONFIG", " /etc/pagoda.yaml ", "/etc/pagoda.yaml"],
    ...(["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const).map(
      (level) => ["LOG_LEVEL", level, level] as const,
    ),
  ];
  test.each(rows)('%s "%s"', (variable, text, value) => {
    expect(readEnvironment({ [variable]: text })).toEqual(right({ ...nothing, [fields[variable]]: value }));
  });
});

describe("rejects", () => {
  const addresses = [
    ["3000", ":3000", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:80a"],
    ["127.0.0.1:999999", "::1:3000", "[::1]", "[::1", "[]:3000", "[::1]3000", "[localhost]:3000"],
    ["http://127.0.0.1:3000", "127.0.0.1:3000/", "a b:3000", "127.0.0.1:3000,127.0.0.1:3001"],
    ["[:::::]:3000", "[1.2.3.4]:3000", "256.0.0.1:3000"],
  ].flat();
  const upstreams = [
    ["127.0.0.1:8001", "a:1", "ftp://a:1", "ws://a:1", "//a:1", "http:/a:1", "http://", "http://:80"],
    ["http://a:1/path", "http://a:1?query", "http://a:1/?query", "http://a:1#hash", "http://user@a:1"],
    ["http://user:secret@a:1", "http://a:65536", "http://a:1a", "http://a b:1", "http://[::1:80"],
    ["http://a:0", ",", "http://a:1,", ",http://a:1", "http://a:1,,http://b:2", "http://a:1;http://b:2"],
    ["http://a:1,http://a:1", "http://a,http://a:80", "http://A:1,http://a:1", "http://a:1,http://a:1/"],
  ].flat();
  const numbers = [
    "0",
    "-1",
    "1.5",
    "1e3",
    "0x10",
    "ten",
    "30s",
    "30 000",
    "+5",
    "Infinity",
    "NaN",
    "9".repeat(40),
  ];
  const rows: readonly (readonly [Variable, string])[] = [
    ...addresses.map((text) => ["PROXY_LISTEN_ADDR", text] as const),
    ...addresses.map((text) => ["PROXY_METRICS_ADDR", text] as const),
    ...upstreams.map((text) => ["PROXY_UPSTREAM_ADDRS", text] as const),
    ...[...numbers, "2147483648"].map((text) => ["PROXY_REQUEST_TIMEOUT_MS", text] as const),
    ...[...numbers, "1000001"].map((text) => ["PROXY_MAX_CONNECTIONS", text] as const),
    ...[...numbers, "1025", "ALL"].map((text) => ["PROXY_WORKERS", text] as const),
    ...["verbose", "INFO", "30", "info,warn"].map((text) => ["LOG_LEVEL", text] as const),
  ];
  test.each(rows)('%s "%s"', (variable, value) => {
    const problem = { variable, value, valid: variables[variable].valid };
    expect(readEnvironment({ [variable]: value })).toEqual(left([problem]));
  });

  test("and lists every problem, in the order of the variables", () => {
    const names = Object.keys(variables).filter((name) => name !== "PROXY_CONFIG");
    const read = readEnvironment(Object.fromEntries(names.map((name) => [name, "?"])));
    expect(isLeft(read) && read.left.map(({ variable, value }) => [variable, value])).toEqual(
      names.map((name) => [name, "?"]),
    );
  });

  test("with the variable, its value and the valid values", () => {
    expect(variableProblemText({ variable: "LOG_LEVEL", value: "loud", valid: "one of info, warn" })).toBe(
      'LOG_LEVEL must be one of info, warn (got "loud")',
    );
  });
});

test("every default is valid", () => {
  for (const [name, { fallback }] of Object.entries(variables))
    expect(isRight(readEnvironment({ [name]: fallback }))).toBe(true);
});

/** A valid configuration. */
function read(text: string): Config {
  const config = readConfig(text);
  if (isLeft(config)) throw new Error(JSON.stringify(config.left));
  return config.right;
}

describe("without a configuration file", () => {
  test("the documented defaults apply", () => {
    const { listeners, clusters, admin, log, workers } = read(JSON.stringify(defaults(["http://a:1"])));
    expect(listeners).toMatchObject([
      {
        name: "main",
        address: { host: "127.0.0.1", port: 3_000 },
        maxConnections: 10_000,
        routes: [{ name: "all", cluster: "upstream", policies: { timeout: 15_000 } }],
      },
    ]);
    expect(clusters).toMatchObject({ upstream: { endpoints: ["http://a:1"], balance: "round-robin" } });
    expect({ admin, level: log.level, workers }).toEqual({
      admin: { address: { host: "127.0.0.1", port: 9_090 } },
      level: "info",
      workers: "all",
    });
  });
});

describe("a variable overrides the file", () => {
  const two = {
    listeners: [
      { name: "one", address: "127.0.0.1:1", routes: [{ name: "a", cluster: "shop" }] },
      { name: "two", address: "127.0.0.1:2", routes: [{ name: "b", cluster: "shop" }] },
    ],
    clusters: { shop: { dns: { host: "shop", port: 80 } } },
  };
  const config = read(JSON.stringify(two));

  test("where the file sets the same field", () => {
    const changed = override(config, {
      listen: { host: "::1", port: 5 },
      upstreams: ["http://b:2"],
      admin: { host: "::1", port: 6 },
      requestTimeoutMs: 7,
      maxConnections: 8,
      workers: 9,
      logLevel: "warn",
    });
    expect(changed).toMatchObject(
      right({
        listeners: [
          { address: { host: "::1", port: 5 }, maxConnections: 8, routes: [{ policies: { timeout: 7 } }] },
          { address: { port: 2 }, maxConnections: 8, routes: [{ policies: { timeout: 7 } }] },
        ],
        clusters: { shop: { endpoints: ["http://b:2"], dns: undefined } },
        admin: { address: { host: "::1", port: 6 } },
        log: { level: "warn" },
        workers: 9,
      }),
    );
  });

  test.each([
    ["srv", { name: "_http._tcp.shop" }],
    ["kubernetes", { service: "shop", namespace: "default", port: "http" }],
    ["file", "shop.json"],
  ])("where the file discovers endpoints with %s", (kind, source) => {
    const discovered = read(JSON.stringify({ ...two, clusters: { shop: { [kind]: source } } }));
    const changed = override(discovered, { upstreams: ["http://b:2"] });
    expect(changed).toMatchObject(
      right({ clusters: { shop: { endpoints: ["http://b:2"], [kind]: undefined } } }),
    );
  });

  test("except timeouts set on routes", () => {
    const changed = override(config, { requestTimeoutMs: 7 }, (listener) => listener === 1);
    expect(changed).toMatchObject(
      right({
        listeners: [
          { routes: [{ policies: { timeout: 7 } }] },
          { routes: [{ policies: { timeout: 15_000 } }] },
        ],
      }),
    );
  });

  test("even when invalid, without hiding problems of the file; an empty name means no file", async () => {
    using folder = new Folder();
    const file = folder.write("pagoda.yaml", "clusters: 5");
    const both = await loadConfig({ env: { PROXY_CONFIG: file, LOG_LEVEL: "loud" } });
    expect(both).toMatchObject(
      left([
        expect.stringContaining("LOG_LEVEL must be one of"),
        expect.stringContaining("listeners: must be a list (missing)"),
        expect.stringContaining("clusters: "),
      ]),
    );
    const none = await loadConfig({ env: { PROXY_CONFIG: " ", PROXY_UPSTREAM_ADDRS: "http://a:1" } });
    expect(none).toMatchObject(right({ file: undefined }));
  });

  test("defect: PROXY_REQUEST_TIMEOUT_MS overrode `timeout: 0ms`", async () => {
    using folder = new Folder();
    const routes = ["0ms", "5s", undefined].map((timeout, n) => ({
      name: `r${n}`,
      match: { path: `/${n}` },
      cluster: "shop",
      policies: timeout === undefined ? {} : { timeout },
    }));
    const file = folder.write("pagoda.yaml", {
      listeners: [{ address: "127.0.0.1:1", routes }],
      clusters: { shop: { endpoints: ["http://a:1"] } },
    });
    const loaded = await loadConfig({ file, env: { PROXY_REQUEST_TIMEOUT_MS: "700" } });
    expect(
      isRight(loaded) && loaded.right.config.listeners[0]?.routes.map(({ policies }) => policies.timeout),
    ).toEqual([0, 5_000, 700]);
  });

  test("and changes nothing else", () => {
    expect(override(config, nothing)).toEqual(right(config));
  });

  test("unless it would be ambiguous", () => {
    const more = read(
      JSON.stringify({ ...two, clusters: { ...two.clusters, cart: { endpoints: ["http://c:3"] } } }),
    );
    expect(override(more, { upstreams: ["http://b:2"] })).toMatchObject(
      left({
        variable: "PROXY_UPSTREAM_ADDRS",
        value: "http://b:2",
        valid: expect.stringContaining("2 clusters"),
      }),
    );
  });
});
