import { isIP } from "node:net";
import * as fc from "fast-check";
import { addressGroup, canonicalAddress, hopAddress } from "@pagoda/core";
import { describe, expect, test } from "vitest";

describe("canonicalAddress", () => {
  test.each([
    ["192.0.2.50", "192.0.2.50"],
    ["0.0.0.0", "0.0.0.0"],
    ["255.255.255.255", "255.255.255.255"],
    ["2001:DB8::1", "2001:db8::1"],
    ["2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["1:0:0:2:0:0:0:3", "1:0:0:2::3"],
    ["::", "::"],
    ["::1", "::1"],
    ["1::", "1::"],
    ["::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"],
    ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
    ["::10.0.0.1", "::a00:1"],
  ])("%s is %s", (text, canonical) => {
    expect(canonicalAddress(text)).toBe(canonical);
  });

  test.each(["::ffff:192.0.2.50", "::FFFF:c000:232", "0:0:0:0:0:ffff:192.0.2.50", "0::ffff:c000:0232"])(
    "defect: %s was not 192.0.2.50",
    (text) => expect(canonicalAddress(text)).toBe("192.0.2.50"),
  );

  test("drops the zone", () => {
    expect(canonicalAddress("fe80::1%eth0")).toBe("fe80::1");
    expect(canonicalAddress("fe80::%1")).toBe("fe80::");
    expect(canonicalAddress("::ffff:10.0.0.1%lo")).toBe("10.0.0.1");
  });

  test.each([
    "",
    "local",
    "10.0.0",
    "10.0.0.0.1",
    "010.0.0.1",
    "0x0a.0.0.1",
    "10.0.0.256",
    "167772161",
    "10..0.1",
    "1.2.3.4 ",
    " 1.2.3.4",
    "1.2.3.4:80",
    "[::1]",
    "::1]",
    ":1",
    "1:",
    ":::",
    "1::2::3",
    "12345::",
    "g::",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7::8:9",
    "::1.2.3",
    "1.2.3.4::",
    "::1.2.3.4:5",
    "1:2:3:4:5:6:7:1.2.3.4",
    "fe80::1%",
    "%eth0",
    "10.0.0.1%eth0",
    "1:2:3:4:5:6:7:",
    "/run/socket",
  ])("%j is not an address", (text) => {
    expect(canonicalAddress(text)).toBeUndefined();
  });

  test("accepts what Node accepts and formats it as URL does", () => {
    const group = fc.oneof(
      fc.constant("0"),
      fc.constant("0000"),
      fc.integer({ max: 0xffff, min: 0 }).map(hex),
    );
    const address = fc.oneof(
      fc.ipV4(),
      fc.ipV6(),
      fc.array(group, { minLength: 8, maxLength: 8 }).map((all) => all.join(":")),
      // Few of these are addresses.
      fc.string({ unit: fc.constantFrom(...":.0123fF%"), maxLength: 24 }),
    );
    fc.assert(
      fc.property(address, (text) => {
        const canonical = canonicalAddress(text);
        expect(canonical !== undefined).toBe(isIP(text) !== 0);
        if (canonical === undefined || text.includes("%")) return;
        const url = new URL(text.includes(":") ? `http://[${text}]` : `http://${text}`).hostname;
        const isMapped = url.startsWith("[::ffff:") && url.split(":").length === 5;
        expect(canonical.includes(":") ? `[${canonical}]` : canonical).toBe(isMapped ? canonical : url);
        expect(canonicalAddress(canonical)).toBe(canonical);
      }),
      { numRuns: 2_000 },
    );
  });
});

const hex = (value: number): string => value.toString(16);

describe("hopAddress", () => {
  test.each([
    ["203.0.113.9", "203.0.113.9"],
    ["203.0.113.9:50000", "203.0.113.9"],
    [" 203.0.113.9 ", "203.0.113.9"],
    ["[2001:DB8::1]:443", "2001:db8::1"],
    ["[2001:db8::1]", "2001:db8::1"],
    ["2001:db8::1", "2001:db8::1"],
    ["[::ffff:203.0.113.9]:1", "203.0.113.9"],
    ["::ffff:203.0.113.9", "203.0.113.9"],
    ["[fe80::1%eth0]:80", "fe80::1"],
  ])("defect: %j was not read as %s", (entry, address) => {
    expect(hopAddress(entry)).toBe(address);
  });

  test.each([
    "",
    "unknown",
    "_hidden",
    "203.0.113.9:",
    "203.0.113.9:x",
    "203.0.113.9:123456",
    "203.0.113.9:1:2",
    "[203.0.113.9]",
    "[2001:db8::1",
    "2001:db8::1]:80",
    "[2001:db8::1]80",
    "[2001:db8::1]:",
    "[]",
    ":80",
  ])("%j has no address", (entry) => {
    expect(hopAddress(entry)).toBeUndefined();
  });
});

describe("addressGroup", () => {
  test("is the /64 of an IPv6 address", () => {
    expect(addressGroup("2001:db8:1:2:3:4:5:6")).toBe("2001:db8:1:2::/64");
    expect(addressGroup("2001:db8:1:2:ffff::")).toBe("2001:db8:1:2::/64");
    expect(addressGroup("2001:db8:1:3::")).toBe("2001:db8:1:3::/64");
  });

  test("has the requested prefix length", () => {
    expect(addressGroup("2001:db8:1:2ff::1", 56)).toBe("2001:db8:1:200::/56");
    expect(addressGroup("2001:db8:ffff::1", 33)).toBe("2001:db8:8000::/33");
    expect(addressGroup("2001:db8::1", 128)).toBe("2001:db8::1");
  });

  test("is the text itself for everything else", () => {
    for (const each of ["192.0.2.1", "local", "", "a:b"]) expect(addressGroup(each)).toBe(each);
  });

  test("is the same for all addresses of a network, however written", () => {
    const group = fc.oneof(fc.constant(0), fc.constantFrom(1, 0x10, 0xfff, 0x1000), fc.nat({ max: 0xffff }));
    const half = fc.array(group, { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(half, half, (network, host) => {
        const long = [...network, ...host].map((each) => each.toString(16).padStart(4, "0")).join(":");
        const short = canonicalAddress(long) as string;
        if (!short.includes(":")) return;
        const first = canonicalAddress([...network, 0, 0, 0, 0].map(hex).join(":"));
        expect(addressGroup(short)).toBe(`${first}/64`);
        expect(addressGroup(long.toUpperCase())).toBe(`${first}/64`);
      }),
      { numRuns: 2_000 },
    );
  });
});
