import { isLeft, left, right } from "fp-ts/lib/Either.js";
import { describe, expect, test } from "vitest";
import { type Config, problemLine, readConfig, variables } from "../src/config.ts";

type Variable = keyof typeof variables;

const defaults: Config = {
  listen: { host: "127.0.0.1", port: 3000 },
  upstreams: [],
  admin: { host: "127.0.0.1", port: 9090 },
  requestTimeoutMs: 30_000,
  maxConnections: 10_000,
  logLevel: "info",
};

const fields: Readonly<Record<Variable, keyof Config>> = {
  PROXY_LISTEN_ADDR: "listen",
  PROXY_UPSTREAM_ADDRS: "upstreams",
  PROXY_METRICS_ADDR: "admin",
  PROXY_REQUEST_TIMEOUT_MS: "requestTimeoutMs",
  PROXY_MAX_CONNECTIONS: "maxConnections",
  LOG_LEVEL: "logLevel",
};

describe("what is not set", () => {
  test("has the seed's default", () => {
    expect(readConfig({})).toEqual(right(defaults));
  });

  test.each(Object.keys(fields))("is also %s set to nothing or to blanks", (variable) => {
    expect(readConfig({ [variable]: "" })).toEqual(right(defaults));
    expect(readConfig({ [variable]: "  " })).toEqual(right(defaults));
  });

  test("leaves other variables alone", () => {
    expect(readConfig({ PATH: "/bin", PROXY_UNKNOWN: "x" })).toEqual(right(defaults));
  });
});

describe("valid", () => {
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
    ...(["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const).map(
      (level) => ["LOG_LEVEL", level, level] as const,
    ),
  ];
  test.each(rows)('%s "%s"', (variable, text, value) => {
    expect(readConfig({ [variable]: text })).toEqual(right({ ...defaults, [fields[variable]]: value }));
  });
});

describe("not valid", () => {
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
    ...["verbose", "INFO", "30", "info,warn"].map((text) => ["LOG_LEVEL", text] as const),
  ];
  test.each(rows)('%s "%s"', (variable, value) => {
    const problem = { variable, value, valid: variables[variable].valid };
    expect(readConfig({ [variable]: value })).toEqual(left([problem]));
  });

  test("every problem is listed, in the order of the variables", () => {
    const wrong = Object.fromEntries(Object.keys(variables).map((name) => [name, "?"]));
    const read = readConfig(wrong);
    expect(isLeft(read) && read.left.map(({ variable, value }) => [variable, value])).toEqual(
      Object.keys(variables).map((name) => [name, "?"]),
    );
  });

  test("a problem names the variable, its value, and what would be valid", () => {
    expect(problemLine({ variable: "LOG_LEVEL", value: "loud", valid: "one of info, warn" })).toBe(
      'LOG_LEVEL is "loud"; valid is one of info, warn',
    );
  });
});

test("every default is valid", () => {
  const set = Object.fromEntries(Object.entries(variables).map(([name, { fallback }]) => [name, fallback]));
  expect(readConfig(set)).toEqual(right(defaults));
});
