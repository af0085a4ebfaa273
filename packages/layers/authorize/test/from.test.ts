import { type Rule } from "@pagoda/authorize";
import { describe, expect, test } from "vitest";
import { asked, door } from "./bench.ts";

const from = (from: NonNullable<Rule["from"]>): Rule => ({ name: "from", effect: "deny", from });
const at = (address: string) => ({ client: { address } });
const as = (identity: string) => ({ client: { address: "203.0.113.7", identity } });

describe("identities", () => {
  const shop = door([from({ identities: ["spiffe://mesh/ns/shop/*", "*/sa/till", "ops"] })]);

  test("are matched exactly, by their beginning, or by their end", async () => {
    for (const identity of ["spiffe://mesh/ns/shop/sa/cart", "spiffe://mesh/ns/shop/", "x/sa/till", "ops"])
      expect([identity, await shop(as(identity))]).toEqual([identity, "from"]);
    for (const identity of [
      "spiffe://mesh/ns/shopping",
      "xspiffe://mesh/ns/shop/a",
      "sa/till",
      "x/sa/tills",
      "op",
      "",
    ])
      expect([identity, await shop(as(identity))]).toEqual([identity, "passed"]);
  });

  test("* is any at all, but not none", async () => {
    const any = door([from({ identities: ["*"] })]);
    expect(await any(as("x"))).toBe("from");
    expect(await any()).toBe("passed");
    expect(await any(as(""))).toBe("passed");
  });

  test("defect: were those of the peer, a proxy in front", async () => {
    const peer = { address: "10.0.0.1", port: 1, identity: "ops" };
    expect(await shop({ peer })).toBe("passed");
    expect(await shop({ peer, ...as("other") })).toBe("passed");
    expect(await shop({ peer: undefined, ...as("ops") })).toBe("from");
  });

  test("come from wherever the option says", async () => {
    const rules = [from({ identities: ["ops"] })];
    const identity = ({ headers }: ReturnType<typeof asked>) => headers.get("x-who");
    const { headers } = asked();
    expect(await door(rules, { identity })({ headers: headers.append("x-who", "ops") })).toBe("from");
    expect(await door(rules, { identity })(as("ops"))).toBe("passed");
  });
});

describe("addresses", () => {
  const listed = door([from({ addresses: ["10.0.0.0/8", "192.0.2.1", "2001:db8::/32", "::1"] })]);

  test.each(["10.0.0.0", "10.255.255.255", "192.0.2.1", "2001:db8::1", "2001:DB8:ffff::", "::1", "0:0::0:1"])(
    "%s is in the list",
    async (address) => expect(await listed(at(address))).toBe("from"),
  );

  test.each(["11.0.0.0", "192.0.2.2", "2001:db9::1", "::2", "::10.0.0.1", "64:ff9b::10.0.0.1"])(
    "%s is not",
    async (address) => expect(await listed(at(address))).toBe("passed"),
  );

  test.each(["::ffff:10.0.0.1", "::FFFF:a00:1", "0:0:0:0:0:ffff:192.0.2.1"])(
    "%s is an address of IPv4 and in the list",
    async (address) => expect(await listed(at(address))).toBe("from"),
  );

  test("an address of IPv4 is in no range of IPv6", async () => {
    const six = door([from({ addresses: ["::/0"] })]);
    expect(await six(at("2001:db8::1"))).toBe("from");
    expect(await six(at("10.0.0.1"))).toBe("passed");
    expect(await six(at("::ffff:10.0.0.1"))).toBe("passed");
  });

  test("every address of IPv4 is in 0.0.0.0/0, and none of IPv6", async () => {
    const four = door([from({ addresses: ["0.0.0.0/0"] })]);
    expect(await four(at("203.0.113.7"))).toBe("from");
    expect(await four(at("::ffff:203.0.113.7"))).toBe("from");
    expect(await four(at("::1"))).toBe("passed");
  });

  test("defect: were those of the peer, so that a list was none behind a proxy", async () => {
    const peer = { address: "10.0.0.1", port: 1 };
    expect(await listed({ peer })).toBe("passed");
    expect(await listed({ peer: { address: "203.0.113.9", port: 1 }, ...at("10.0.0.1") })).toBe("from");
  });

  test("the zone of an address does not count", async () => {
    expect(await door([from({ addresses: ["fe80::/10"] })])(at("fe80::1%eth0"))).toBe("from");
  });

  test("what is no address is in no list", async () => {
    const all = door([{ name: "from", effect: "allow", from: { addresses: ["0.0.0.0/0", "::/0"] } }]);
    for (const address of ["local", "", "10.0.0", "010.0.0.1", "10.0.0.1:80", "/run/socket"])
      expect([address, await all(at(address))]).toEqual([address, "otherwise"]);
    expect(await all(at("10.0.0.1"))).toBe("passed");
  });

  test("come from wherever the option says", async () => {
    const address = () => "10.0.0.1";
    expect(await door([from({ addresses: ["10.0.0.1"] })], { address })()).toBe("from");
    expect(await door([from({ addresses: ["203.0.113.7"] })], { address })()).toBe("passed");
  });
});
