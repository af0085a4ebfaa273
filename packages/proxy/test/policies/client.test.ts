import { type FromClient, httpRequest, type HttpRequest } from "@pagoda/http";
import { describe, expect, test } from "vitest";
import { identityOf, limitKey } from "../../src/policies/client.ts";

const from = (client: FromClient["client"], headers = {}): HttpRequest & FromClient => ({
  ...httpRequest("http://shop.example/", { headers }),
  // A proxy in front that does not identify its clients.
  peer: { address: "10.0.0.1", port: 1, identity: "spiffe://mesh/balancer" },
  client,
});

test("a client is identified by its certificate, else by its address", () => {
  expect(identityOf(from({ address: "10.0.0.7" }))).toBe("10.0.0.7");
  expect(identityOf(from({ address: "10.0.0.7", identity: "spiffe://mesh/cart" }))).toBe(
    "spiffe://mesh/cart",
  );
});

describe("limitKey", () => {
  test("by address is the IPv4 address or IPv6 network", () => {
    const key = limitKey("address", 64);
    expect(key(from({ address: "203.0.113.9", identity: "cart" }))).toBe("203.0.113.9");
    expect(key(from({ address: "2001:db8:1:2:3::" }))).toBe("2001:db8:1:2::/64");
    expect(limitKey("address", 48)(from({ address: "2001:db8:1:2:3::" }))).toBe("2001:db8:1::/48");
  });

  test("by identity falls back to the address", () => {
    const key = limitKey("identity", 64);
    expect(key(from({ address: "203.0.113.9", identity: "cart" }))).toBe("#cart");
    expect(key(from({ address: "203.0.113.9" }))).toBe("203.0.113.9");
  });

  test("defect: by header, a client that sent another client's address spent its limit", () => {
    const key = limitKey({ header: "x-api-key" }, 64);
    const without = from({ address: "203.0.113.9" });
    const pretending = from({ address: "192.0.2.1" }, { "x-api-key": "203.0.113.9" });
    expect(key(pretending)).not.toBe(key(without));
    expect(key(from({ address: "192.0.2.1" }, { "x-api-key": "k".repeat(300) }))).toHaveLength(257);
  });
});
