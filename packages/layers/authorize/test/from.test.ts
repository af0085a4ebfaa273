import { authorize, type Rule } from "@pagoda/authorize";
import { right, service } from "@pagoda/core";
import { type HttpRequest, httpResponse } from "@pagoda/http";
import { describe, expect, test } from "vitest";
import { asked, guard } from "./bench.ts";

const from = (from: NonNullable<Rule["from"]>): Rule => ({ name: "from", effect: "deny", from });
const at = (address: string) => ({ client: { address } });
const as = (identity: string) => ({ client: { address: "203.0.113.7", identity } });

describe("identities", () => {
  const shop = guard([from({ identities: ["spiffe://mesh/ns/shop/*", "*/sa/till", "ops"] })]);

  test("match exactly, by prefix or by suffix", async () => {
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

  test("* matches any identity, but not the absence of one", async () => {
    const any = guard([from({ identities: ["*"] })]);
    expect(await any(as("x"))).toBe("from");
    expect(await any()).toBe("passed");
    expect(await any(as(""))).toBe("passed");
  });

  test("are the client's, not those of a proxy in front (defect: they were)", async () => {
    const peer = { address: "10.0.0.1", port: 1, identity: "ops" };
    expect(await shop({ peer })).toBe("passed");
    expect(await shop({ peer, ...as("other") })).toBe("passed");
    expect(await shop({ peer: undefined, ...as("ops") })).toBe("from");
  });

  test("come from the option", async () => {
    const rules = [from({ identities: ["ops"] })];
    const identity = ({ headers }: ReturnType<typeof asked>) => headers.get("x-who");
    const { headers } = asked();
    expect(await guard(rules, { identity })({ headers: headers.append("x-who", "ops") })).toBe("from");
    expect(await guard(rules, { identity })(as("ops"))).toBe("passed");
  });
});

describe("addresses", () => {
  const listed = guard([from({ addresses: ["10.0.0.0/8", "192.0.2.1", "2001:db8::/32", "::1"] })]);

  test.each(["10.0.0.0", "10.255.255.255", "192.0.2.1", "2001:db8::1", "2001:DB8:ffff::", "::1", "0:0::0:1"])(
    "%s matches",
    async (address) => expect(await listed(at(address))).toBe("from"),
  );

  test.each(["11.0.0.0", "192.0.2.2", "2001:db9::1", "::2", "::10.0.0.1", "64:ff9b::10.0.0.1"])(
    "%s does not match",
    async (address) => expect(await listed(at(address))).toBe("passed"),
  );

  test.each(["::ffff:10.0.0.1", "::FFFF:a00:1", "0:0:0:0:0:ffff:192.0.2.1"])(
    "%s matches as an IPv4 address",
    async (address) => expect(await listed(at(address))).toBe("from"),
  );

  test("an IPv4 address matches no IPv6 range", async () => {
    const six = guard([from({ addresses: ["::/0"] })]);
    expect(await six(at("2001:db8::1"))).toBe("from");
    expect(await six(at("10.0.0.1"))).toBe("passed");
    expect(await six(at("::ffff:10.0.0.1"))).toBe("passed");
  });

  test("0.0.0.0/0 matches every IPv4 address and no IPv6 address", async () => {
    const four = guard([from({ addresses: ["0.0.0.0/0"] })]);
    expect(await four(at("203.0.113.7"))).toBe("from");
    expect(await four(at("::ffff:203.0.113.7"))).toBe("from");
    expect(await four(at("::1"))).toBe("passed");
  });

  test("are the client's, not the peer's (defect: lists were useless behind a proxy)", async () => {
    const peer = { address: "10.0.0.1", port: 1 };
    expect(await listed({ peer })).toBe("passed");
    expect(await listed({ peer: { address: "203.0.113.9", port: 1 }, ...at("10.0.0.1") })).toBe("from");
  });

  test("the zone of an address is ignored", async () => {
    expect(await guard([from({ addresses: ["fe80::/10"] })])(at("fe80::1%eth0"))).toBe("from");
  });

  test("an invalid address matches no list", async () => {
    const all = guard([{ name: "from", effect: "allow", from: { addresses: ["0.0.0.0/0", "::/0"] } }]);
    for (const address of ["local", "", "10.0.0", "010.0.0.1", "10.0.0.1:80", "/run/socket"])
      expect([address, await all(at(address))]).toEqual([address, "otherwise"]);
    expect(await all(at("10.0.0.1"))).toBe("passed");
  });

  test("come from the option", async () => {
    const address = () => "10.0.0.1";
    expect(await guard([from({ addresses: ["10.0.0.1"] })], { address })()).toBe("from");
    expect(await guard([from({ addresses: ["203.0.113.7"] })], { address })()).toBe("passed");
  });
});

describe("claims", () => {
  const allow = (...claims: NonNullable<NonNullable<Rule["from"]>["claims"]>) =>
    guard([{ name: "from", effect: "allow", from: { claims } }]);
  const holds = (claims: object | undefined) => ({ claims });

  test("equal one of the values, of the same type", async () => {
    const plans = allow({ claim: "plan", equals: ["gold", 7, true] });
    for (const plan of ["gold", 7, true])
      expect([plan, await plans(holds({ plan }))]).toEqual([plan, "passed"]);
    for (const plan of ["Gold", "7", "true", 1, null, undefined, ["gold"], { gold: true }])
      expect([plan, await plans(holds({ plan }))]).toEqual([plan, "otherwise"]);
  });

  test("contain one of the values: in a list, or as a word of a text", async () => {
    const admins = allow({ claim: "groups", contains: ["admin", "ops"] });
    for (const groups of [["dev", "ops"], ["admin"], "dev admin", "ops"])
      expect([groups, await admins(holds({ groups }))]).toEqual([groups, "passed"]);
    for (const groups of [
      [],
      ["administrators"],
      "administrators",
      "",
      [["admin"]],
      { admin: "admin" },
      1,
      null,
    ])
      expect([groups, await admins(holds({ groups }))]).toEqual([groups, "otherwise"]);
  });

  test("may be nested, and must all match", async () => {
    const both = allow(
      { claim: ["realm_access", "roles"], contains: ["admin"] },
      { claim: "iss", equals: ["https://id.example"] },
    );
    const realm_access = { roles: ["admin"] };
    expect(await both(holds({ realm_access, iss: "https://id.example" }))).toBe("passed");
    expect(await both(holds({ realm_access, iss: "https://other.example" }))).toBe("otherwise");
    expect(await both(holds({ "realm_access.roles": ["admin"], iss: "https://id.example" }))).toBe(
      "otherwise",
    );
  });

  test("match no request without a token", async () => {
    const any = allow({ claim: "sub", equals: ["undefined", ""] });
    expect(await any(holds(undefined))).toBe("otherwise");
    expect(await any(holds({}))).toBe("otherwise");
  });

  test("come from the option", async () => {
    const rules = [from({ claims: [{ claim: "sub", equals: ["ann"] }] })];
    const claims = ({ headers }: ReturnType<typeof asked>) => ({ sub: headers.get("x-who") });
    const headers = asked().headers.append("x-who", "ann");
    expect(await guard(rules, { claims })({ headers })).toBe("from");
    expect(await guard(rules, { claims })(holds({ sub: "ann" }))).toBe("passed");
  });

  test("of a request whose token nobody has verified are a defect", async () => {
    const { claims: _, ...request } = asked();
    const rules = [from({ claims: [{ claim: "sub", equals: ["ann"] }] })];
    const leaf = service("leaf", async (_: HttpRequest) => right(httpResponse(200)));
    const layered = authorize<HttpRequest>({ rules })(leaf as never) as typeof leaf;
    await expect(layered.call(request)).rejects.toThrow(
      "rules name claims, but no layer has verified a token",
    );
  });
});
