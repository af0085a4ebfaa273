import { HttpHeaders, httpRequest } from "@pagoda/http";
import { describe, expect, test } from "vitest";
import { client, type Field, pass, requestWith } from "./bench.ts";

const trusted = { trust: () => true };

describe("trust", () => {
  const claims: Field[] = [
    ["X-Forwarded-For", "198.51.100.1"],
    ["x-forwarded-for", "198.51.100.2, 198.51.100.3"],
    ["X-Forwarded-Proto", "https"],
    ["X-Forwarded-Host", "front.example"],
    ["X-Forwarded-Port", "444"],
    ["Forwarded", "for=198.51.100.1"],
    ["X-Real-IP", "198.51.100.1"],
  ];

  const ofTen = (address: string): boolean => address.startsWith("10.");

  test("is called with the peer's address", async () => {
    const trust = ofTen;
    const forwardedFor = async (address: string) => {
      const request = requestWith([["X-Forwarded-For", "198.51.100.1"]], { peer: { address, port: 1 } });
      return (await pass(request, { trust })).inner.headers.get("x-forwarded-for");
    };
    expect(await forwardedFor("10.0.0.1")).toBe("198.51.100.1, 10.0.0.1");
    expect(await forwardedFor("203.0.113.7")).toBe("203.0.113.7");
  });

  test.each([
    ["198.51.100.1", "203.0.113.7", "203.0.113.7"],
    ["198.51.100.1", "10.0.0.1", "198.51.100.1"],
    ["6.6.6.6, 198.51.100.1, 10.0.0.2", "10.0.0.1", "198.51.100.1"],
    ["10.0.0.3, 10.0.0.2", "10.0.0.1", "10.0.0.3"],
    ["198.51.100.1, unknown, 10.0.0.2", "10.0.0.1", "10.0.0.2"],
    ["2001:db8::1", "10.0.0.1", "2001:db8::1"],
    ["", "10.0.0.1", "10.0.0.1"],
  ])("X-Forwarded-For %j from %s makes the client %s", async (value, address, from) => {
    const fields: Field[] = value === "" ? [] : [["X-Forwarded-For", value]];
    const { inner } = await pass(requestWith(fields, { peer: { address, port: 1 } }), { trust: ofTen });
    expect(inner.client.address).toBe(from);
  });

  test.each([
    ["203.0.113.9:50000", "203.0.113.9"],
    ["[2001:DB8::1]:443", "2001:db8::1"],
    ["[2001:db8::1]", "2001:db8::1"],
    ["::ffff:203.0.113.9", "203.0.113.9"],
    ["2001:0db8:0:0::1", "2001:db8::1"],
    ["203.0.113.9, ::ffff:10.0.0.2", "203.0.113.9"],
    ["203.0.113.9, 10.0.0.2:80, ", "203.0.113.9"],
    ["203.0.113.9,,10.0.0.2", "203.0.113.9"],
  ])(
    "X-Forwarded-For %j makes the client %s (defect: the gateway, or another notation)",
    async (value, from) => {
      const request = requestWith([["X-Forwarded-For", value]], { peer: { address: "10.0.0.1", port: 1 } });
      expect((await pass(request, { trust: ofTen })).inner.client).toEqual({ address: from });
    },
  );

  test.each(["unknown", "_hidden", "203.0.113.9:x", "203.0.113", "localhost"])(
    "%s in X-Forwarded-For makes the last trusted hop the client",
    async (entry) => {
      const fields: Field[] = [["X-Forwarded-For", `203.0.113.9, ${entry}, 10.0.0.2`]];
      const { inner } = await pass(requestWith(fields, { peer: { address: "10.0.0.1", port: 1 } }), {
        trust: ofTen,
      });
      expect(inner.client.address).toBe("10.0.0.2");
      expect(inner.headers.get("x-forwarded-for")).toBe(`203.0.113.9, ${entry}, 10.0.0.2, 10.0.0.1`);
    },
  );

  test("passes on addresses in canonical form", async () => {
    const value = "unknown, 198.51.100.1:4000, [2001:DB8::1]:443, ::ffff:10.0.0.2";
    const { inner } = await pass(requestWith([["X-Forwarded-For", value]]), trusted);
    expect(inner.headers.get("x-forwarded-for")).toBe(
      `unknown, 198.51.100.1, 2001:db8::1, 10.0.0.2, ${client.address}`,
    );
  });

  describe("identity", () => {
    const peer = { address: "10.0.0.1", port: 1, identity: "spiffe://mesh/balancer" };
    const clientOf = async (...fields: Field[]) =>
      (await pass(requestWith(fields, { peer }), { trust: ofTen })).inner.client;

    test("of the peer is the client's if the peer is the client", async () => {
      expect((await pass(requestWith([], { peer }))).inner.client).toBe(peer);
      expect(await clientOf()).toBe(peer);
      expect(await clientOf(["X-Forwarded-For", " , "])).toBe(peer);
    });

    test.each(["203.0.113.9", "10.0.0.3", "unknown"])(
      "of the peer is not that of its client %s (defect: it was)",
      async (entry) => {
        expect((await clientOf(["X-Forwarded-For", entry])).identity).toBeUndefined();
      },
    );
  });

  test("the client of a request made in this process is local", async () => {
    expect((await pass(httpRequest("https://shop.example/"), trusted)).inner.client).toEqual({
      address: "local",
    });
  });

  test("replaces the forwarding headers of an untrusted peer", async () => {
    const { inner } = await pass(requestWith(claims));
    expect([...inner.headers]).toEqual([
      ["x-forwarded-for", client.address],
      ["x-forwarded-proto", "http"],
      ["x-forwarded-host", "shop.example"],
      ["via", "1.1 pagoda"],
      ["x-request-id", "new-1"],
    ]);
  });

  test.each([false, true])(
    "removes lookalikes of forwarding headers, even from trusted peers (%s)",
    async (trust) => {
      const disguised: Field[] = [
        ["X_Forwarded_For", "198.51.100.1"],
        ["x-forwarded_client-cert", "Subject=CN=admin"],
        ["X_Request_ID", "a"],
        ["Content_Length", "5"],
        ["HTTP_HOST", "passes: not a lookalike"],
        ["user_id", "7"],
      ];
      const { inner } = await pass(requestWith(disguised), { trust: () => trust });
      expect([...inner.headers].slice(0, 2)).toEqual([
        ["HTTP_HOST", "passes: not a lookalike"],
        ["user_id", "7"],
      ]);
      expect([...inner.headers].filter(([name]) => name.includes("_"))).toHaveLength(2);
    },
  );

  test("keeps the forwarding headers of a trusted peer and appends its address", async () => {
    const { inner } = await pass(requestWith(claims), trusted);
    expect([...inner.headers]).toEqual([
      ...claims.slice(2),
      ["x-forwarded-for", `198.51.100.1, 198.51.100.2, 198.51.100.3, ${client.address}`],
      ["via", "1.1 pagoda"],
      ["x-request-id", "new-1"],
    ]);
  });

  test("sets the forwarding headers that a trusted peer lacks", async () => {
    const { inner } = await pass(requestWith([]), trusted);
    expect(inner.headers.get("x-forwarded-for")).toBe(client.address);
    expect(inner.headers.get("x-forwarded-proto")).toBe("http");
    expect(inner.headers.get("x-forwarded-host")).toBe("shop.example");
  });

  test("a request made in this process has no address and is not trusted", async () => {
    const headers = HttpHeaders.of(claims);
    const { inner } = await pass({ ...httpRequest("https://shop.example/"), headers }, trusted);
    expect(inner.headers.has("x-forwarded-for")).toBe(false);
    expect(inner.headers.get("x-forwarded-proto")).toBe("https");
  });

  test.each(["a", "0af7651916cd43dd8448eb211c80319c", "!~:/=[]", "x".repeat(128)])(
    "keeps the id %j of a trusted peer",
    async (id) => {
      const { inner, outer } = await pass(requestWith([["X-Request-Id", id]]), trusted);
      expect(inner.requestId).toBe(id);
      expect(inner.headers.all("x-request-id")).toEqual([id]);
      expect(outer.headers.all("x-request-id")).toEqual([id]);
    },
  );

  test("replaces the id of an untrusted peer", async () => {
    const { inner } = await pass(requestWith([["X-Request-Id", "theirs"]]));
    expect(inner.requestId).toBe("new-1");
    expect(inner.headers.all("x-request-id")).toEqual(["new-1"]);
  });

  test.each(["", " ", "a b", "a,b", "a\tb", "caf\u00E9", "a\u007F", "a\r\nx: y", "x".repeat(129)])(
    "replaces the invalid id %j of a trusted peer (defect: kept it)",
    async (id) => {
      const { inner } = await pass(requestWith([["X-Request-Id", id]]), trusted);
      expect(inner.requestId).toBe("new-1");
      expect(inner.headers.all("x-request-id")).toEqual(["new-1"]);
    },
  );

  test("replaces both if a trusted peer sends two ids", async () => {
    const fields: Field[] = [
      ["X-Request-Id", "a"],
      ["X-Request-Id", "b"],
    ];
    expect((await pass(requestWith(fields), trusted)).inner.requestId).toBe("new-1");
  });

  test.each(["X-Forwarded-Prefix", "x-forwarded-ssl", "X-FORWARDED-SCHEME"])(
    "removes %s of an untrusted peer (defect: did not)",
    async (name) => {
      expect((await pass(requestWith([[name, "1"]]))).inner.headers.has(name)).toBe(false);
      expect((await pass(requestWith([[name, "1"]]), trusted)).inner.headers.get(name)).toBe("1");
    },
  );

  test("sets X-Forwarded-Proto if Connection names it (defect: did not)", async () => {
    const fields: Field[] = [
      ["Connection", "X-Forwarded-Proto, X-Forwarded-Host"],
      ["X-Forwarded-Proto", "https"],
      ["X-Forwarded-Host", "front.example"],
    ];
    const { inner } = await pass(requestWith(fields), trusted);
    expect(inner.headers.all("x-forwarded-proto")).toEqual(["https"]);
    expect(inner.headers.all("x-forwarded-host")).toEqual(["front.example"]);
  });
});
