import { type FromClient, right, service } from "@pagoda/core";
import { byClient, byClientNetwork, rateLimit } from "@pagoda/rate-limit";
import { describe, expect, test } from "vitest";

const from = (address: string): FromClient => ({ client: { address, identity: "spiffe://mesh/cart" } });

describe("byClient", () => {
  test("returns IPv4 addresses and names unchanged", () => {
    for (const each of ["203.0.113.9", "local"]) expect(byClient(from(each))).toBe(each);
  });

  test("defect: each address of an IPv6 network had its own limit", async () => {
    const leaf = service("leaf", async (_: FromClient) => right("passed"));
    const limited = rateLimit({ keyed: { perSecond: 0.001, burst: 1, key: byClient } })(leaf);
    const tags: string[] = [];
    for (const address of ["2001:db8:1:2::1", "2001:db8:1:2:3:4:5:6", "2001:db8:1:3::1"])
      tags.push((await limited.call(from(address)))._tag);
    expect(tags).toEqual(["Right", "Left", "Right"]);
  });
});

describe("byClientNetwork", () => {
  test("distinguishes clients by the given prefix length", () => {
    expect(byClientNetwork(56)(from("2001:db8:1:2ff::1"))).toBe("2001:db8:1:200::/56");
    expect(byClientNetwork(128)(from("2001:db8::1"))).toBe("2001:db8::1");
    expect(byClientNetwork(56)(from("203.0.113.9"))).toBe("203.0.113.9");
  });

  test.each([0, 129, 64.5, Number.NaN])("refuses %s bits", (bits) => {
    expect(() => byClientNetwork(bits)).toThrow(
      new RangeError(`rate-limit: ipv6Bits must be an integer from 1 to 128 (got ${bits})`),
    );
  });
});
