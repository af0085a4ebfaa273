import { BlockList } from "node:net";
import * as fc from "fast-check";
import { canonicalNetwork, NetworkSet } from "@pagoda/core";
import { describe, expect, test } from "vitest";

describe("canonicalNetwork", () => {
  test.each([
    ["10.0.0.0/8", "10.0.0.0/8"],
    ["10.1.2.3/8", "10.0.0.0/8"],
    ["10.1.2.3/32", "10.1.2.3"],
    ["0.0.0.0/0", "0.0.0.0/0"],
    ["2001:DB8:0::1/32", "2001:db8::/32"],
    ["::1", "::1"],
    ["::/0", "::/0"],
  ])("%s is %s", (text, canonical) => expect(canonicalNetwork(text)).toBe(canonical));

  test.each([
    "",
    "10.0.0",
    "10.0.0.0/33",
    "10.0.0.0/",
    "10.0.0.0/-1",
    "10.0.0.0/8/8",
    "::/129",
    "shop.example",
    "::ffff:10.0.0.1",
    "::ffff:0:0/96",
    "fe80::1%eth0",
    "010.0.0.1",
    " 10.0.0.1",
    "[::1]",
    "10.0.0.1:80",
  ])("%j is neither an address nor a network", (text) => {
    expect(canonicalNetwork(text)).toBeUndefined();
    expect(() => new NetworkSet(["10.0.0.0/8", text])).toThrow(
      `networks[1] must be an IP address or a network such as 10.0.0.0/8 (got ${JSON.stringify(text)})`,
    );
  });
});

describe("NetworkSet", () => {
  test("defect: ::/0 contained IPv4 addresses", () => {
    const six = new NetworkSet(["::/0"]);
    expect(six.has("2001:db8::1")).toBe(true);
    expect(six.has("10.0.0.1")).toBe(false);
    expect(six.has("::ffff:10.0.0.1")).toBe(false);
  });

  test("0.0.0.0/0 contains exactly the IPv4 addresses, IPv4-mapped ones included", () => {
    const four = new NetworkSet(["0.0.0.0/0"]);
    for (const each of ["0.0.0.0", "255.255.255.255", "::ffff:10.0.0.1"]) expect(four.has(each)).toBe(true);
    for (const each of ["::", "::1", "local", ""]) expect(four.has(each)).toBe(false);
  });

  test("is empty without networks", () => {
    expect(new NetworkSet([]).has("10.1.2.3")).toBe(false);
  });

  test("ignores a network inside another", () => {
    const set = new NetworkSet(["10.1.0.0/16", "10.0.0.0/8", "10.0.0.0/8", "10.0.0.0/16", "192.0.2.1"]);
    for (const each of ["10.0.0.0", "10.1.2.3", "10.255.255.255", "192.0.2.1"])
      expect([each, set.has(each)]).toEqual([each, true]);
    for (const each of ["9.255.255.255", "11.0.0.0", "192.0.2.0", "192.0.2.2"])
      expect([each, set.has(each)]).toEqual([each, false]);
  });

  test("agrees with Node's BlockList within one IP version", () => {
    // Few distinct bits, so that many addresses fall into the networks.
    const part = fc.constantFrom(0, 1, 2, 10, 128, 255);
    const ipv4 = fc.tuple(part, part, part, part).map((all) => all.join("."));
    const group = fc.constantFrom("0", "1", "8000", "ffff");
    const ipv6 = fc.array(group, { minLength: 8, maxLength: 8 }).map((all) => `2${all.join(":").slice(1)}`);
    const networks = fc.tuple(
      fc.array(fc.tuple(ipv4, fc.integer({ min: 0, max: 32 })), { maxLength: 6 }),
      fc.array(fc.tuple(ipv6, fc.integer({ min: 0, max: 128 })), { maxLength: 6 }),
    );
    fc.assert(
      fc.property(networks, ipv4, ipv6, ([fours, sixes], four, six) => {
        const ours = new NetworkSet([...fours, ...sixes].map(([address, bits]) => `${address}/${bits}`));
        const [ofFour, ofSix] = [new BlockList(), new BlockList()];
        for (const [address, bits] of fours) ofFour.addSubnet(address, bits, "ipv4");
        for (const [address, bits] of sixes) ofSix.addSubnet(address, bits, "ipv6");
        expect(ours.has(four)).toBe(ofFour.check(four, "ipv4"));
        expect(ours.has(`::ffff:${four}`)).toBe(ofFour.check(four, "ipv4"));
        expect(ours.has(six)).toBe(ofSix.check(six, "ipv6"));
      }),
      { numRuns: 2_000 },
    );
  });
});
