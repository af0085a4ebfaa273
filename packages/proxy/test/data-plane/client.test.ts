import { type FromClient, httpRequest, type HttpRequest } from "@pagoda/core/http";
import { describe, expect, test } from "vitest";
import { amongNetworks, identityOf } from "../../src/data-plane/client.ts";

describe("amongNetworks", () => {
  test.each([
    ["10.1.2.3", true],
    ["11.0.0.1", false],
    ["192.0.2.7", true],
    ["192.0.2.8", false],
    ["2001:db8::1", true],
    ["2001:db9::1", false],
    ["::1", true],
    // How a socket that takes both versions shows an IPv4 address.
    ["::ffff:10.1.2.3", true],
    ["", false],
  ])("%s: %s", (address, expected) => {
    const among = amongNetworks(["10.0.0.0/8", "192.0.2.7", "2001:db8::/32", "::1"]);
    expect(among(address)).toBe(expected);
  });

  test("nobody is among none", () => {
    expect(amongNetworks([])("10.1.2.3")).toBe(false);
  });
});

test("a client is who its certificate says, or else its address", () => {
  const request: HttpRequest & FromClient = {
    ...httpRequest("http://shop.example/"),
    client: "10.0.0.7",
  };
  const peer = { address: "10.0.0.1", port: 1, identity: "spiffe://mesh/cart" };
  expect(identityOf(request)).toBe("10.0.0.7");
  expect(identityOf({ ...request, peer })).toBe("spiffe://mesh/cart");
  expect(identityOf({ ...request, peer: { ...peer, identity: undefined } })).toBe("10.0.0.7");
});
