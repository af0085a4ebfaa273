import { formatValue } from "@pagoda/core";
import { transport, type TransportOptions } from "@pagoda/transport";
import { describe, expect, test } from "vitest";
import { client } from "./origin.ts";

describe("options", () => {
  test.each([
    "",
    "localhost:80",
    "ftp://localhost",
    "http://localhost/path",
    "http://localhost?query",
    "http://localhost#fragment",
    "http://user@localhost",
    "http://:password@localhost",
  ])("rejects the URL %j", (url) => {
    expect(() => transport(url)).toThrow(
      new RangeError(
        `transport: url must be http://host:port or https://host:port (got ${formatValue(url)})`,
      ),
    );
  });

  test.each([
    ["maxConnections", 1, [0, -1, 1.5, NaN, Infinity, 2 ** 31]],
    ["connectTimeoutMs", 1, [0, -1, 1.5, NaN, Infinity, 2 ** 31]],
    ["headersTimeoutMs", 0, [-1, 1.5, NaN, Infinity, 2 ** 31]],
    ["idleTimeoutMs", 0, [-1, 1.5, NaN, Infinity, 2 ** 31]],
    ["keepAliveMs", 1, [0, -1, 1.5, NaN, Infinity, 2 ** 31]],
  ] as const)("refuses %s below %d, broken or too large", (name, least, values) => {
    for (const value of values) {
      expect(() => transport("http://localhost", { [name]: value })).toThrow(
        new RangeError(`transport: ${name} must be an integer from ${least} to 2147483647 (got ${value})`),
      );
    }
    const options: TransportOptions = { [name]: least };
    expect(() => client("http://localhost", options)).not.toThrow();
    expect(() => client("http://localhost", { [name]: 2_147_483_647 })).not.toThrow();
  });

  test("describes options and state", () => {
    expect(client("https://[::1]:8443/", { maxConnections: 7 }).describe()).toEqual({
      name: "transport",
      options: {
        upstream: "https://[::1]:8443",
        protocol: "http1",
        maxConnections: 7,
        connectTimeoutMs: 5_000,
        headersTimeoutMs: 15_000,
        idleTimeoutMs: 300_000,
        keepAliveMs: 4_000,
      },
      state: { inFlight: 0, waiting: 0, connections: 0, idle: 0, resent: 0 },
    });
  });
});
