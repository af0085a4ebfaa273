import { Resolver } from "node:dns/promises";
import { type Clock, left, right, systemClock } from "@pagoda/core";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { dnsEndpoints, type DnsEndpoint, srvEndpoints } from "@pagoda/discovery";
import { type DnsServer, dnsServer } from "./dns-server.ts";
import { keys } from "./fake-dns.ts";

let server: DnsServer;
let resolver: Resolver;

beforeEach(async () => {
  server = await dnsServer();
  resolver = new Resolver();
  resolver.setServers([server.address]);
});
afterEach(() => server.close());

/** The system's clock with timers a hundred times as fast, since a TTL is at least a second. */
const hasty: Clock = {
  now: () => systemClock.now(),
  wallTime: () => systemClock.wallTime(),
  setTimer: (ms, run) => systemClock.setTimer(ms / 100, run),
  clearTimer: (timer) => systemClock.clearTimer(timer),
};

describe("over a real socket", () => {
  test("A and AAAA records, with the lowest TTL", async () => {
    server.records.push(
      { type: "A", name: "api.test", ttl: 70, data: "10.0.0.2" },
      { type: "A", name: "api.test", ttl: 40, data: "10.0.0.1" },
      { type: "AAAA", name: "api.test", ttl: 90, data: "2001:db8::1" },
    );
    const source = dnsEndpoints({ host: "api.test", port: 8080, resolver });
    await source.started;
    expect(keys(source)).toEqual([
      "http://10.0.0.1:8080",
      "http://10.0.0.2:8080",
      "http://[2001:db8::1]:8080",
    ]);
    expect(source.state()["dns"]).toMatchObject({ ttlMs: 40_000, lastError: null });
    source.close();
  });

  test("a name with addresses of only one version is not a failure", async () => {
    server.records.push({ type: "A", name: "api.test", ttl: 60, data: "10.0.0.1" });
    const source = dnsEndpoints({ host: "api.test", port: 80, resolver });
    expect(await source.started).toMatchObject(right([{ address: "10.0.0.1" }]));
    expect(source.state()["dns"]).toMatchObject({ failures: 0, lastError: null });
    source.close();
  });

  test("SRV records, their targets resolved", async () => {
    const name = "_http._tcp.api.test";
    server.records.push(
      { type: "SRV", name, ttl: 60, data: { priority: 1, weight: 3, port: 8081, target: "a.test" } },
      { type: "SRV", name, ttl: 60, data: { priority: 1, weight: 0, port: 8082, target: "b.test" } },
      { type: "SRV", name, ttl: 60, data: { priority: 2, weight: 9, port: 8083, target: "a.test" } },
      { type: "A", name: "a.test", ttl: 20, data: "10.0.0.1" },
      { type: "AAAA", name: "b.test", ttl: 25, data: "2001:db8::2" },
    );
    const source = srvEndpoints({ name, resolver });
    await source.started;
    expect(source.endpoints).toEqual([
      { key: "http://10.0.0.1:8081", host: "a.test", address: "10.0.0.1", port: 8081, weight: 3 },
      { key: "http://[2001:db8::2]:8082", host: "b.test", address: "2001:db8::2", port: 8082, weight: 0.1 },
    ]);
    expect(source.state()["dns"]).toMatchObject({ ttlMs: 20_000 });
    source.close();
  });

  test("the SRV target for no service", async () => {
    const name = "_http._tcp.api.test";
    server.records.push({
      type: "SRV",
      name,
      ttl: 60,
      data: { priority: 0, weight: 0, port: 0, target: "." },
    });
    const source = srvEndpoints({ name, resolver });
    expect(await source.started).toMatchObject(left({ _tag: "NoRecords", name }));
    source.close();
  });

  test("NXDOMAIN, NODATA, SERVFAIL, REFUSED", async () => {
    server.records.push({ type: "TXT", name: "nodata.test", ttl: 60, data: "no address" });
    server.troubles.set("servfail.test", "servfail").set("refused.test", "refused");
    const firstOf = async (host: string): Promise<unknown> => {
      const source = dnsEndpoints({ host, port: 80, resolver });
      const first = await source.started;
      source.close();
      return first;
    };
    expect(await firstOf("nothing.test")).toMatchObject(left({ _tag: "NoRecords", code: "ENOTFOUND" }));
    expect(await firstOf("nodata.test")).toMatchObject(left({ _tag: "NoRecords", code: "ENODATA" }));
    expect(await firstOf("servfail.test")).toMatchObject(left({ _tag: "DnsFailed", code: "ESERVFAIL" }));
    expect(await firstOf("refused.test")).toMatchObject(left({ _tag: "DnsFailed", code: "EREFUSED" }));
  });

  test("no answer: gives up after timeoutMs", async () => {
    server.troubles.set("api.test", "silent");
    const source = dnsEndpoints({ host: "api.test", port: 80, resolver, timeoutMs: 20 });
    expect(await source.started).toMatchObject(left({ _tag: "DnsFailed", code: "ETIMEOUT" }));
    source.close();
  });

  test("no answer: close gives up, and handles the resolver's rejections", async () => {
    server.troubles.set("api.test", "silent");
    const asked = server.asked("api.test", "A");
    const source = dnsEndpoints({ host: "api.test", port: 80, resolver });
    await asked;
    source.close();
    expect(await source.started).toMatchObject(left({ _tag: "SourceClosed" }));
  });

  test("a change is noticed after the TTL, and a failure in between changes nothing", async () => {
    server.records.push({ type: "A", name: "api.test", ttl: 1, data: "10.0.0.1" });
    const changes: (readonly DnsEndpoint[])[] = [];
    const failed = Promise.withResolvers<void>();
    const second = Promise.withResolvers<void>();
    const source = dnsEndpoints({
      host: "api.test",
      port: 80,
      resolver,
      clock: hasty,
      timeoutMs: 500_000,
      observer: {
        changed(endpoints) {
          changes.push(endpoints);
          if (changes.length === 2) second.resolve();
        },
        failed: () => failed.resolve(),
      },
    });
    await source.started;
    server.troubles.set("api.test", "servfail");
    await failed.promise;
    server.records.splice(0, 1, { type: "A", name: "api.test", ttl: 60, data: "10.0.0.2" });
    server.troubles.clear();
    await second.promise;
    expect(changes.map((list) => list.map(({ address }) => address))).toEqual([["10.0.0.1"], ["10.0.0.2"]]);
    source.close();
  });
});
