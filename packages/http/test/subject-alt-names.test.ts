import { isSanMatch, sanCheck, type SanMatch, subjectAltNames } from "@pagoda/http";
import { describe, expect, test } from "vitest";

const uri = (...wanted: readonly string[]): readonly SanMatch[] => wanted.map((each) => ({ uri: each }));
const dns = (...wanted: readonly string[]): readonly SanMatch[] => wanted.map((each) => ({ dns: each }));

describe("sanCheck", () => {
  const orders = "URI:spiffe://mesh/ns/shop/sa/orders";
  test.each<[matches: readonly SanMatch[], shown: string]>([
    [uri("spiffe://mesh/ns/shop/sa/orders"), orders],
    [uri("spiffe://mesh/ns/shop/sa/cart", "spiffe://mesh/ns/shop/sa/orders"), orders],
    [uri("spiffe://mesh/ns/shop/*"), `DNS:a.example, ${orders}`],
    [uri("*/sa/orders"), orders],
    [dns("orders.internal"), "DNS:Orders.INTERNAL"],
    [dns("ORDERS.internal"), "IP Address:10.0.0.7, DNS:orders.internal"],
    [dns("orders.internal"), "DNS:*.internal"],
    [dns("*.internal"), "DNS:orders.internal"],
    [dns("*.internal"), "DNS:*.internal"],
    [dns("orders*"), "DNS:orders.internal"],
    [[...uri("spiffe://a"), ...dns("b")], "DNS:b"],
  ])("%j matches %s", (matches, shown) => {
    expect(sanCheck(matches)("elsewhere", { subjectaltname: shown })).toBeUndefined();
  });

  test.each<[matches: readonly SanMatch[], shown: string | undefined]>([
    [uri("spiffe://mesh/ns/shop/sa/orders"), "URI:spiffe://mesh/ns/shop/sa/orders2"],
    [uri("spiffe://mesh/ns/shop/sa/orders"), "URI:spiffe://MESH/ns/shop/sa/orders"],
    [uri("spiffe://mesh/ns/shop/*"), "URI:spiffe://mesh/ns/shopping/sa/orders"],
    [uri("a.example"), "DNS:a.example"],
    [dns("a.example"), "URI:a.example"],
    [uri("spiffe://a"), 'DNS:"b, URI:spiffe://a"'],
    [dns("a.b.internal"), "DNS:*.internal"],
    [dns("internal"), "DNS:*.internal"],
    [dns("internal"), "DNS:*."],
    [dns("*.internal"), "DNS:internal"],
    [dns("10.0.0.7"), "IP Address:10.0.0.7"],
    [uri("a"), ""],
    [uri("a"), undefined],
  ])("%j does not match %s", (matches, shown) => {
    expect(sanCheck(matches)("a.example", { subjectaltname: shown })).toMatchObject({
      code: "ERR_TLS_CERT_ALTNAME_INVALID",
    });
  });

  test("reports expected and actual names", () => {
    const check = sanCheck([{ uri: "spiffe://a/*" }, { dns: "b" }]);
    expect(check("", { subjectaltname: "DNS:c" })?.message).toBe(
      "certificate must show one of URI:spiffe://a/*, DNS:b (got DNS:c)",
    );
    expect(check("", {})?.message).toBe(
      "certificate must show one of URI:spiffe://a/*, DNS:b (got no alternative name)",
    );
  });
});

test("subjectAltNames parses names that Node quotes", () => {
  expect(subjectAltNames('DNS:a.example, URI:"spiffe://a/b, DNS:c", IP Address:10.0.0.1, DNS:d')).toEqual({
    uris: ["spiffe://a/b, DNS:c"],
    names: ["a.example", "d"],
  });
});

test("a match has exactly one name, with at most one *, at its start or end", () => {
  for (const each of [{ uri: "a" }, { dns: "*a" }, { uri: "a*" }]) expect(isSanMatch(each)).toBe(true);
  const wrong = [{}, { uri: "" }, { uri: "*" }, { uri: "a*b" }, { dns: "*a*" }, { ip: "a" }, { uri: 1 }];
  for (const each of [...wrong, { uri: "a", dns: "b" }, "a", null, undefined])
    expect([each, isSanMatch(each)]).toEqual([each, false]);
});
