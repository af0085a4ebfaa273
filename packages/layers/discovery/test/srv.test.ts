import { virtualClock } from "@pagoda/core/testing";
import { left } from "@pagoda/core";
import { describe, expect, test } from "vitest";
import { srvEndpoints, type SrvEndpointsOptions } from "@pagoda/discovery";
import { fakeDns, keys } from "./fake-dns.ts";

const name = "_http._tcp.api.test";

function bench(options: Partial<SrvEndpointsOptions> = {}) {
  const clock = virtualClock();
  const dns = fakeDns(clock);
  dns.records.set("A a.test", [["10.0.0.1", 60]]);
  dns.records.set("A b.test", [["10.0.0.2", 60]]);
  const begin = () => srvEndpoints({ name, resolver: dns.resolver, clock, random: () => 1, ...options });
  return { clock, dns, begin };
}

describe("SRV records", () => {
  test("provide hosts with ports and weights, and their addresses", async () => {
    const { dns, begin } = bench();
    dns.services.set(name, [
      [1, 10, 8080, "a.test"],
      [1, 30, 8081, "b.test"],
    ]);
    const source = begin();
    await source.started;
    expect(source.endpoints).toEqual([
      { key: "http://10.0.0.1:8080", host: "a.test", address: "10.0.0.1", port: 8080, weight: 10 },
      { key: "http://10.0.0.2:8081", host: "b.test", address: "10.0.0.2", port: 8081, weight: 30 },
    ]);
    source.close();
  });

  test("are used only if no other has a lower priority", async () => {
    const { dns, begin } = bench();
    dns.services.set(name, [
      [20, 10, 80, "b.test"],
      [10, 10, 80, "a.test"],
    ]);
    const source = begin();
    await source.started;
    expect(keys(source)).toEqual(["http://10.0.0.1:80"]);
    expect(dns.queries.map(({ query }) => query)).toEqual([`SRV ${name}`, "A a.test", "AAAA a.test"]);
    source.close();
  });

  test("of weight 0 get a small share", async () => {
    const { dns, begin } = bench();
    dns.services.set(name, [
      [1, 0, 80, "a.test"],
      [1, 1, 80, "b.test"],
    ]);
    const source = begin();
    await source.started;
    expect(source.endpoints.map(({ weight }) => weight)).toEqual([0.1, 1]);
    source.close();
  });

  test("divide their weight among the addresses of their target", async () => {
    const { dns, begin } = bench();
    dns.records.set("AAAA a.test", [
      ["2001:db8::1", 60],
      ["2001:db8::2", 60],
      ["2001:db8::2", 60],
    ]);
    dns.services.set(name, [[1, 12, 80, "a.test"]]);
    const source = begin();
    await source.started;
    expect(source.endpoints.map(({ weight }) => weight)).toEqual([4, 4, 4]);
    source.close();
  });

  test("with the same address and port are one endpoint with the sum of weights", async () => {
    const { dns, begin } = bench();
    dns.records.set("A b.test", [["10.0.0.1", 60]]);
    dns.services.set(name, [
      [1, 5, 80, "b.test"],
      [1, 2, 80, "a.test"],
      [1, 3, 81, "a.test"],
    ]);
    const source = begin();
    await source.started;
    expect(source.endpoints.map(({ key, host, weight }) => [key, host, weight])).toEqual([
      ["http://10.0.0.1:80", "a.test", 7],
      ["http://10.0.0.1:81", "a.test", 3],
    ]);
    expect(dns.queries.filter(({ query }) => query === "A a.test")).toHaveLength(1);
    source.close();
  });

  test("may have addresses as targets", async () => {
    const { dns, begin } = bench();
    dns.services.set(name, [[1, 1, 80, "10.0.0.9"]]);
    const source = begin();
    await source.started;
    expect(keys(source)).toEqual(["http://10.0.0.9:80"]);
    source.close();
  });

  test.each([".", ""])('with the target "%s" mean that there is no service', async (target) => {
    const { dns, begin } = bench();
    dns.services.set(name, [[0, 0, 0, target]]);
    const source = begin();
    expect(await source.started).toMatchObject(left({ _tag: "NoRecords", name }));
    source.close();
  });

  test("with an invalid port are skipped and reported, and the others are used", async () => {
    const faults: unknown[] = [];
    const { dns, begin } = bench({ observer: { failed: (fault) => faults.push(fault) } });
    dns.services.set(name, [
      [1, 1, 80, "a.test"],
      [1, 1, 0, "b.test"],
    ]);
    const source = begin();
    await source.started;
    expect(keys(source)).toEqual(["http://10.0.0.1:80"]);
    const cause = new RangeError("port must be an integer from 1 to 65535 (got 0)");
    expect(faults).toMatchObject([
      { _tag: "DnsFailed", name: "b.test", type: "SRV", code: "EBADRESP", cause },
    ]);
    source.close();
  });

  test("with only invalid ports keep the last list", async () => {
    const { clock, dns, begin } = bench();
    dns.services.set(name, [[1, 1, 80, "a.test"]]);
    const source = begin();
    await source.started;
    dns.services.set(name, [[1, 1, 0, "a.test"]]);
    await clock.advance(30_000);
    expect(keys(source)).toEqual(["http://10.0.0.1:80"]);
    expect(source.state()["dns"]).toMatchObject({ lastError: "EBADRESP for a.test" });
    source.close();
  });

  test("are refreshed when the lowest TTL of an address expires, and after 30 s at the latest", async () => {
    const { clock, dns, begin } = bench();
    dns.services.set(name, [
      [1, 1, 80, "a.test"],
      [1, 1, 80, "b.test"],
    ]);
    const source = begin();
    await clock.advance(30_000);
    dns.records.set("A b.test", [["10.0.0.2", 7]]);
    await clock.advance(37_000);
    const times = dns.queries.filter(({ query }) => query === `SRV ${name}`).map(({ atMs }) => atMs);
    expect(times).toEqual([0, 30_000, 60_000, 67_000]);
    source.close();
  });

  test("that cannot be resolved keep the last list", async () => {
    const { clock, dns, begin } = bench();
    dns.services.set(name, [[1, 1, 80, "a.test"]]);
    const source = begin();
    await clock.advance(0);
    dns.services.set(name, "EREFUSED");
    await clock.advance(60_000);
    expect(keys(source)).toEqual(["http://10.0.0.1:80"]);
    expect(source.state()["dns"]).toMatchObject({ name, lastError: `EREFUSED for ${name}` });
    source.close();
  });
});

describe("a target", () => {
  const both = [
    [1, 1, 80, "a.test"],
    [1, 1, 80, "b.test"],
  ] as const;

  test("that fails keeps its last addresses, and is removed with its record", async () => {
    const { clock, dns, begin } = bench();
    dns.services.set(name, both);
    const source = begin();
    await clock.advance(0);
    dns.records.set("A a.test", "ESERVFAIL");
    dns.records.set("A b.test", [["10.0.0.3", 60]]);
    await clock.advance(30_000);
    expect(keys(source)).toEqual(["http://10.0.0.1:80", "http://10.0.0.3:80"]);
    expect(source.state()["dns"]).toMatchObject({ failures: 1, lastError: "ESERVFAIL for a.test" });
    dns.services.set(name, both.slice(1));
    await clock.advance(1_000);
    expect(keys(source)).toEqual(["http://10.0.0.3:80"]);
    expect(source.state()["dns"]).toMatchObject({ failures: 0, lastError: null });
    dns.services.set(name, both);
    await clock.advance(30_000);
    expect(keys(source)).toEqual(["http://10.0.0.3:80"]);
    source.close();
  });

  test("without an address is skipped, unless no target has one", async () => {
    const { clock, dns, begin } = bench({ emptyAfterMs: 0 });
    dns.services.set(name, both);
    dns.records.delete("A a.test");
    const source = begin();
    await clock.advance(0);
    expect(keys(source)).toEqual(["http://10.0.0.2:80"]);
    dns.records.delete("A b.test");
    await clock.advance(30_000);
    expect(keys(source)).toEqual([]);
    source.close();
  });
});
