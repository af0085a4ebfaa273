import { formatValue } from "@pagoda/core";
import { undici } from "@pagoda/undici";
import { Agent } from "undici";
import { describe, expect, test } from "vitest";

const agent = new Agent();

describe("options", () => {
  test.each([
    "",
    "localhost:80",
    "ftp://localhost",
    "http://localhost/path",
    "http://localhost?query",
    "http://localhost#fragment",
    "http://user@localhost",
    "http://localhost:0",
  ])("rejects the origin %j", (origin) => {
    expect(() => undici(agent, { origin })).toThrow(
      new RangeError(
        `undici: origin must be http://host:port or https://host:port (got ${formatValue(origin)})`,
      ),
    );
  });

  test.each([
    ["maxConnections", 1, [0, -1, 1.5, NaN, Infinity, 2 ** 31]],
    ["headersTimeoutMs", 0, [-1, 1.5, NaN, Infinity, 2 ** 31]],
    ["idleTimeoutMs", 0, [-1, 1.5, NaN, Infinity, 2 ** 31]],
  ] as const)("refuses %s below %d, broken or too large", (name, least, values) => {
    for (const value of values)
      expect(() => undici(agent, { [name]: value })).toThrow(
        new RangeError(`undici: ${name} must be an integer from ${least} to 2147483647 (got ${value})`),
      );
    expect(() => undici(agent, { [name]: least })).not.toThrow();
  });

  test("describes options and state", () => {
    const options = { maxConnections: 1_024, headersTimeoutMs: 15_000, idleTimeoutMs: 300_000 };
    const state = { inFlight: 0, waiting: 0 };
    expect(undici(agent).describe()).toEqual({ name: "undici", options, state });
    const origin = "https://[::1]:8443/";
    expect(undici(agent, { origin, servername: "a.test", maxConnections: 7 }).describe()).toEqual({
      name: "undici",
      options: { ...options, origin: "https://[::1]:8443", servername: "a.test", maxConnections: 7 },
      state,
    });
  });
});
