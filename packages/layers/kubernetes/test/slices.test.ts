import { describe, expect, test } from "vitest";
import { endpointsIn, parseSlice, type Service, type Slice } from "../src/slices.ts";
import { http, slice } from "./fake-api.ts";

const shop: Service = {
  namespace: "default",
  service: "shop",
  port: "http",
  scheme: "http",
  family: undefined,
};

/** The keys found in these slices, without the scheme, and the problems. */
function found(slices: readonly object[], service: Partial<Service> = {}) {
  const parsed = slices.map(parseSlice);
  const wrong = parsed.find((each) => typeof each === "string");
  if (wrong !== undefined) throw new Error(wrong);
  const { endpoints, problems } = endpointsIn(parsed as readonly Slice[], { ...shop, ...service });
  return { keys: endpoints.map(({ key }) => key.replace("http://", "")), problems, endpoints };
}

function endpoint(address: string, conditions?: object): object {
  return { addresses: [address], ...(conditions && { conditions }) };
}

describe("conditions", () => {
  const leaving = { ready: false, serving: true, terminating: true };

  test.each([
    ["none", undefined, true],
    ["empty", {}, true],
    ["null", { ready: null }, true],
    ["ready", { ready: true, serving: true, terminating: false }, true],
    ["not ready", { ready: false, serving: false, terminating: false }, false],
    ["not ready, of an old API server", { ready: false }, false],
    ["serving, not ready", { ready: false, serving: true, terminating: false }, false],
    ["terminating", { ready: false, serving: false, terminating: true }, false],
    [
      "ready although terminating, as a service that publishes all addresses",
      { ready: true, terminating: true },
      true,
    ],
  ])("%s", (_, conditions, isUsed) => {
    expect(found([slice([endpoint("10.0.0.1", conditions)])]).keys).toEqual(isUsed ? ["10.0.0.1:8080"] : []);
  });

  test("of endpoints that end count only if no other is ready", () => {
    const ending = endpoint("10.0.0.1", leaving);
    expect(found([slice([ending, "10.0.0.2"])]).keys).toEqual(["10.0.0.2:8080"]);
    expect(found([slice([ending, endpoint("10.0.0.2", { ready: false })])]).keys).toEqual(["10.0.0.1:8080"]);
  });
});

describe("IP versions", () => {
  const four = (each: string | object = "10.0.0.1") => slice([each], { name: "four" });
  const six = (each: string | object = "2001:db8::1") => slice([each], { name: "six", addressType: "IPv6" });

  test("of a pod are one endpoint, by default IPv4", () => {
    expect(found([six(), four()]).keys).toEqual(["10.0.0.1:8080"]);
    expect(found([six()]).keys).toEqual(["[2001:db8::1]:8080"]);
    const unready = endpoint("10.0.0.1", { ready: false });
    expect(found([six(), four(unready)]).keys).toEqual(["[2001:db8::1]:8080"]);
  });

  test("can be chosen", () => {
    expect(found([six(), four()], { family: 6 }).keys).toEqual(["[2001:db8::1]:8080"]);
    expect(found([four()], { family: 6 }).keys).toEqual([]);
  });

  test("must be those of the slice", () => {
    const { keys, problems } = found([four("2001:db8::1"), six()]);
    expect(keys).toEqual(["[2001:db8::1]:8080"]);
    expect(problems).toEqual(['four: endpoints[0].addresses[0] must be an IPv4 address (got "2001:db8::1")']);
  });

  test("do not include names", () => {
    const named = slice(["shop.example"], { addressType: "FQDN" });
    expect(found([named])).toMatchObject({
      keys: [],
      problems: ['shop-1: addressType must be IPv4 or IPv6 (got "FQDN")'],
    });
  });
});

describe("ports", () => {
  const metrics = { ...http, name: "metrics", port: 9090 };

  test("by name may have another number in each slice", () => {
    const one = slice(["10.0.0.1"], { name: "a", ports: [metrics, http] });
    const other = slice(["10.0.0.2"], { name: "b", ports: [{ ...http, port: 81 }] });
    expect(found([one, other]).keys).toEqual(["10.0.0.1:8080", "10.0.0.2:81"]);
  });

  test("by number need no name", () => {
    const unnamed = slice(["10.0.0.1"], { ports: [{ name: "", port: 8080, protocol: "TCP" }] });
    expect(found([unnamed], { port: 8080 }).keys).toEqual(["10.0.0.1:8080"]);
  });

  test.each([[[]], [null], [[{ name: "", port: null }]]])("are not restricted by %j", (ports) => {
    expect(found([slice(["10.0.0.1"], { ports })], { port: 81 }).keys).toEqual(["10.0.0.1:81"]);
  });

  test("that a slice does not have are a problem, unless it has no endpoints", () => {
    const without = slice(["10.0.0.1"], { ports: [metrics, { port: 1, protocol: "TCP" }] });
    expect(found([without, slice(["10.0.0.2"], { name: "b" })])).toMatchObject({
      keys: ["10.0.0.2:8080"],
      problems: ['shop-1: ports must include "http" (got "metrics" (9090), 1)'],
    });
    expect(found([without], { port: 82 }).problems).toEqual([
      'shop-1: ports must include 82 (got "metrics" (9090), 1)',
    ]);
    expect(found([slice(["10.0.0.1"], { ports: null })]).problems).toEqual([
      'shop-1: ports must include "http" (got none)',
    ]);
    expect(found([slice([], { ports: [] })]).problems).toEqual([]);
  });

  test("for UDP are not used", () => {
    const both = slice(["10.0.0.1"], { ports: [{ ...http, port: 53, protocol: "UDP" }, http] });
    expect(found([both]).keys).toEqual(["10.0.0.1:8080"]);
  });

  test.each([0, 65_536, 1.5, "80"])("must be ports: %j", (port) => {
    expect(found([slice(["10.0.0.1"], { ports: [{ ...http, port }] })]).problems).toHaveLength(1);
  });
});

describe("endpoints", () => {
  test("know their pod and zone", () => {
    const full = {
      addresses: ["10.0.0.1", "10.0.0.9"],
      nodeName: "n",
      targetRef: { kind: "Pod", name: "shop-abc" },
      zone: "eu-1a",
    };
    expect(found([slice([full])], { scheme: "https" }).endpoints).toEqual([
      {
        key: "https://10.0.0.1:8080",
        host: "shop.default.svc",
        address: "10.0.0.1",
        port: 8080,
        pod: "shop-abc",
        zone: "eu-1a",
      },
    ]);
  });

  test("in two slices are one", () => {
    const one = slice(["10.0.0.1"], { name: "a" });
    const other = slice(["10.0.0.1"], { name: "b" });
    expect(found([one, other]).keys).toEqual(["10.0.0.1:8080"]);
    const unready = slice([endpoint("10.0.0.1", { ready: false })], { name: "b" });
    expect(found([one, unready]).keys).toEqual(["10.0.0.1:8080"]);
  });

  test.each([[{}], [null], [{ addresses: [] }], [{ addresses: ["shop"] }]])(
    "invalid ones are ignored: %j",
    (invalid) => {
      const { keys, problems } = found([slice([invalid as object, "10.0.0.2"])]);
      expect(keys).toEqual(["10.0.0.2:8080"]);
      expect(problems).toEqual([
        expect.stringMatching(/^shop-1: endpoints\[0\]\.addresses\[0\] must be an IPv4 address/),
      ]);
    },
  );
});
