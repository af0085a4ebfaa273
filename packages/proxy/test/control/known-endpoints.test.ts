import { expect, test } from "vitest";
import { KnownEndpoints } from "../../src/control/known-endpoints.ts";
import { sourceOf } from "../../src/config/sources.ts";
import { resolved } from "../data-plane/resolved.ts";

test("the last endpoints found are kept while a configuration uses their source", () => {
  const shop = { dns: { host: "shop.test", port: 80 } };
  const before = resolved({ clusters: { shop, stock: { file: "/stock.json" } } });
  const [dns, file] = Object.values(before.config.clusters).map(sourceOf) as [string, string];
  const known = new KnownEndpoints();
  known.found({ source: dns, endpoints: [{ key: "http://10.0.0.1:80" }] });
  known.found({ source: dns, endpoints: [{ key: "http://10.0.0.2:80" }] });
  known.found({ source: dns, endpoints: [] });
  known.found({ source: file, endpoints: [{ key: "http://10.0.0.3:80" }] });
  known.keep(before);
  expect([...known.all]).toEqual([
    [dns, [{ key: "http://10.0.0.2:80" }]],
    [file, [{ key: "http://10.0.0.3:80" }]],
  ]);
  known.keep(resolved({ clusters: { cart: { ...shop, balance: "random" } } }));
  expect([...known.all.keys()]).toEqual([dns]);
});

test("a source is identified by everything except its DNS servers", () => {
  const of = (shop: object): string | undefined =>
    sourceOf(
      Object.values(resolved({ clusters: { shop } }).config.clusters)[0] as Parameters<typeof sourceOf>[0],
    );
  const dns = { host: "a.test", port: 80 };
  expect(of({ dns })).toBe(of({ dns: { ...dns, servers: ["127.0.0.1"] }, balance: "random" }));
  const kubernetes = { namespace: "default", service: "shop", port: "http" };
  const all = [
    of({ dns }),
    of({ dns: { ...dns, port: 81 } }),
    of({ dns: { ...dns, scheme: "https" } }),
    of({ srv: { name: "a.test" } }),
    of({ srv: { name: "b.test" } }),
    of({ file: "a.test" }),
    of({ kubernetes }),
    of({ kubernetes: { ...kubernetes, namespace: "other" } }),
    of({ kubernetes: { ...kubernetes, service: "cart" } }),
    of({ kubernetes: { ...kubernetes, port: 80 } }),
    of({ kubernetes: { ...kubernetes, scheme: "https" } }),
    of({ endpoints: ["http://a:1"] }),
  ];
  expect(new Set(all).size).toBe(all.length);
  expect(all.at(-1)).toBeUndefined();
});
