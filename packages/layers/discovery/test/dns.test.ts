import { virtualClock } from "@pagoda/core/testing";
import { left, right } from "@pagoda/core";
import { describe, expect, test } from "vitest";
import { type AddressRecord, dnsEndpoints, type DnsEndpointsOptions, type DnsFault } from "@pagoda/discovery";
import { fakeDns, keys } from "./fake-dns.ts";

/**
 * Endpoints of `api.test` on port 80, and all events. Without jitter, so a backoff takes its full
 * time.
 */
function bench(options: Partial<DnsEndpointsOptions> = {}) {
  const clock = virtualClock();
  const dns = fakeDns(clock);
  dns.records.set("A api.test", [["10.0.0.1", 5]]);
  const seen: unknown[] = [];
  const begin = () =>
    dnsEndpoints({
      host: "api.test",
      port: 80,
      resolver: dns.resolver,
      clock,
      random: () => 1,
      observer: {
        changed: (endpoints) => seen.push(endpoints.map(({ address }) => address)),
        failed: (fault: DnsFault) => seen.push(fault.code),
      },
      ...options,
    });
  /** Times of the queries for the A record. */
  const times = (): readonly number[] =>
    dns.queries.filter(({ query }) => query === "A api.test").map(({ atMs }) => atMs);
  return { clock, dns, seen, begin, times };
}

describe("initial endpoints", () => {
  const known = { key: "http://10.0.0.7:80", host: "api.test", address: "10.0.0.7", port: 80 };
  const known6 = { key: "http://[2001:db8::7]:80", host: "api.test", address: "2001:db8::7", port: 80 };

  test("are used at once and while DNS fails", async () => {
    const { clock, dns, seen, begin } = bench({ initial: [known] });
    dns.records.set("A api.test", "ESERVFAIL").set("AAAA api.test", "ESERVFAIL");
    const source = begin();
    expect(await source.started).toEqual(right([known]));
    await clock.advance(100_000);
    expect(source.endpoints).toEqual([known]);
    dns.records.set("A api.test", [["10.0.0.1", 5]]);
    await clock.advance(30_000);
    expect(keys(source)).toEqual(["http://10.0.0.1:80"]);
    expect(seen).toContain("ESERVFAIL");
    source.close();
  });

  test("of a failing record type are kept, and those of the other are updated", async () => {
    const { clock, dns, begin } = bench({ initial: [known, known6] });
    dns.records.set("A api.test", "ESERVFAIL").set("AAAA api.test", [["2001:db8::1", 5]]);
    const source = begin();
    await clock.advance(0);
    expect(keys(source)).toEqual(["http://10.0.0.7:80", "http://[2001:db8::1]:80"]);
    source.close();
  });
});

describe("an invalid answer", () => {
  test.each<[string, unknown]>([
    ["null", null],
    ["a list of nothing", [null]],
    ["an invalid address", [{ address: "a b", ttl: 1 }]],
    ["not a list", { length: 3 }],
  ])("changes nothing: %s", async (_, answer) => {
    const { clock, dns, begin } = bench();
    const source = begin();
    await source.started;
    dns.resolver.resolve4 = () => Promise.resolve(answer as readonly AddressRecord[]);
    await clock.advance(5_000);
    expect(source.state()["dns"]).toMatchObject({ failures: 1 });
    expect(keys(source)).toEqual(["http://10.0.0.1:80"]);
    source.close();
  });
});

describe("the first answer", () => {
  test("arrives later; until then there are no endpoints", async () => {
    const source = bench().begin();
    expect(source.endpoints).toEqual([]);
    const endpoint = { key: "http://10.0.0.1:80", host: "api.test", address: "10.0.0.1", port: 80 };
    expect(await source.started).toEqual(right([endpoint]));
    expect(source.endpoints).toEqual([endpoint]);
    source.close();
  });

  test("has the addresses of both versions, without duplicates, in a stable order", async () => {
    const { dns, begin } = bench({ scheme: "https", port: 443 });
    dns.records.set("A api.test", [
      ["10.0.0.2", 5],
      ["10.0.0.1", 5],
      ["10.0.0.2", 5],
    ]);
    dns.records.set("AAAA api.test", [["2001:db8::1", 5]]);
    const source = begin();
    await source.started;
    expect(keys(source)).toEqual([
      "https://10.0.0.1:443",
      "https://10.0.0.2:443",
      "https://[2001:db8::1]:443",
    ]);
    source.close();
  });

  test.each([
    [4, ["A api.test"]],
    [6, ["AAAA api.test"]],
  ] as const)("has only version %d with family", async (family, asked) => {
    const { dns, begin } = bench({ family });
    dns.records.set("AAAA api.test", [["2001:db8::1", 5]]);
    const source = begin();
    await source.started;
    expect(dns.queries.map(({ query }) => query)).toEqual(asked);
    expect(source.endpoints).toHaveLength(1);
    source.close();
  });

  test.each(["10.0.0.9", "2001:db8::9"])("of an address is the address itself: %s", async (host) => {
    const { clock, dns, begin } = bench({ host });
    const source = begin();
    await source.started;
    expect(source.endpoints.map(({ address }) => address)).toEqual([host]);
    expect(dns.queries).toEqual([]);
    expect(source.state()["dns"]).toMatchObject({ ttlMs: 300_000 });
    source.close();
    expect(clock.pending).toBe(0);
  });

  test("may be a failure or negative, and the source keeps trying", async () => {
    const { clock, dns, begin } = bench();
    dns.records.set("A api.test", "ESERVFAIL");
    const failing = begin();
    const failed = { _tag: "DnsFailed", origin: "local", retryable: true, name: "api.test", type: "A" };
    expect(await failing.started).toMatchObject(left({ ...failed, code: "ESERVFAIL" }));
    dns.records.delete("A api.test");
    const empty = begin();
    const none = { _tag: "NoRecords", origin: "local", retryable: true, name: "api.test" };
    expect(await empty.started).toMatchObject(left({ ...none, code: "ENOTFOUND" }));
    dns.records.set("A api.test", [["10.0.0.1", 5]]);
    await clock.advance(1_000);
    expect([keys(failing), keys(empty)]).toEqual([["http://10.0.0.1:80"], ["http://10.0.0.1:80"]]);
    failing.close();
    empty.close();
  });

  test("does not arrive after closing", async () => {
    const source = bench().begin();
    source.close();
    expect(await source.started).toEqual(left({ _tag: "SourceClosed", origin: "local", retryable: false }));
    expect(source.endpoints).toEqual([]);
  });
});

describe("the next query", () => {
  test("is sent when the lowest TTL expires", async () => {
    const { clock, dns, begin, times } = bench();
    dns.records.set("AAAA api.test", [
      ["2001:db8::1", 9],
      ["2001:db8::2", 3],
    ]);
    const source = begin();
    await clock.advance(6_500);
    expect(times()).toEqual([0, 3_000, 6_000]);
    source.close();
  });

  test.each([
    [0, 2_000],
    [1, 2_000],
    [3, 3_000],
    [7, 4_000],
    [NaN, 2_000],
  ])("is sent within the bounds for a TTL of %d s", async (ttl, ms) => {
    const { clock, dns, begin, times } = bench({ minTtlMs: 2_000, maxTtlMs: 4_000 });
    dns.records.set("A api.test", [["10.0.0.1", ttl]]);
    const source = begin();
    await clock.advance(ms);
    expect(times()).toEqual([0, ms]);
    source.close();
  });

  test("notifies only of changes", async () => {
    const { clock, dns, begin, seen } = bench();
    dns.records.set("A api.test", [
      ["10.0.0.1", 5],
      ["10.0.0.2", 5],
    ]);
    const source = begin();
    let changes = 0;
    source.subscribe(() => changes++);
    await clock.advance(0);
    dns.records.set("A api.test", [
      ["10.0.0.2", 4],
      ["10.0.0.1", 3],
    ]);
    await clock.advance(5_000);
    expect(seen).toEqual([["10.0.0.1", "10.0.0.2"]]);
    dns.records.set("A api.test", [["10.0.0.2", 5]]);
    await clock.advance(3_000);
    expect(seen).toEqual([["10.0.0.1", "10.0.0.2"], ["10.0.0.2"]]);
    expect(changes).toBe(2);
    source.close();
  });
});

describe("failures", () => {
  test("keep the last list and are retried with growing backoff, up to maxFailureMs", async () => {
    const { clock, dns, begin, seen, times } = bench({ maxFailureMs: 4_000 });
    const source = begin();
    await clock.advance(0);
    dns.records.set("A api.test", "ESERVFAIL");
    await clock.advance(20_000);
    expect(times()).toEqual([0, 5_000, 6_000, 8_000, 12_000, 16_000, 20_000]);
    expect(keys(source)).toEqual(["http://10.0.0.1:80"]);
    expect(seen.slice(1)).toEqual(Array.from({ length: 6 }, () => "ESERVFAIL"));
    dns.records.set("A api.test", [["10.0.0.1", 5]]);
    await clock.advance(4_000);
    dns.records.set("A api.test", "ESERVFAIL");
    await clock.advance(6_000);
    expect(times().slice(7)).toEqual([24_000, 29_000, 30_000]);
    source.close();
  });

  test("are retried with equal jitter", async () => {
    const { clock, dns, begin, times } = bench({ random: () => 0 });
    dns.records.set("A api.test", "ESERVFAIL");
    const source = begin();
    await clock.advance(2_000);
    expect(times()).toEqual([0, 500, 1_500]);
    source.close();
  });

  test("of one record type do not affect the other", async () => {
    const { clock, dns, begin, seen, times } = bench();
    dns.records.set("AAAA api.test", [["2001:db8::1", 60]]);
    const source = begin();
    await clock.advance(0);
    dns.records.set("AAAA api.test", "ESERVFAIL");
    dns.records.set("A api.test", [["10.0.0.2", 60]]);
    await clock.advance(5_000);
    expect(keys(source)).toEqual(["http://10.0.0.2:80", "http://[2001:db8::1]:80"]);
    expect(seen.slice(1)).toEqual(["ESERVFAIL", ["10.0.0.2", "2001:db8::1"]]);
    dns.records.set("A api.test", [["10.0.0.3", 60]]);
    await clock.advance(1_000);
    expect(keys(source)).toEqual(["http://10.0.0.3:80", "http://[2001:db8::1]:80"]);
    dns.records.set("AAAA api.test", "ENODATA");
    await clock.advance(2_000);
    expect(keys(source)).toEqual(["http://10.0.0.3:80"]);
    expect(times()).toEqual([0, 5_000, 6_000, 8_000]);
    source.close();
  });

  test("of one record type from the start do not block the other", async () => {
    const { clock, dns, begin } = bench({ timeoutMs: 2_000 });
    dns.records.set("AAAA api.test", "silent");
    const source = begin();
    await clock.advance(2_000);
    expect(keys(source)).toEqual(["http://10.0.0.1:80"]);
    expect(source.state()["dns"]).toMatchObject({ failures: 1, lastError: "ETIMEOUT for api.test" });
    source.close();
  });

  test("follow silence after timeoutMs, and leave no query in flight", async () => {
    const { clock, dns, begin, times } = bench({ timeoutMs: 2_000 });
    dns.records.set("A api.test", "silent");
    const source = begin();
    await clock.advance(1_999);
    expect(dns.pending).toBe(1);
    await clock.advance(1);
    expect(dns.pending).toBe(0);
    expect(await source.started).toMatchObject(left({ _tag: "DnsFailed", type: "A", code: "ETIMEOUT" }));
    await clock.advance(1_000);
    expect(times()).toEqual([0, 3_000]);
    source.close();
    expect(clock.pending).toBe(0);
  });

  test("include exceptions of a resolver", async () => {
    const broken = (): never => {
      throw new TypeError("a defect");
    };
    const source = bench({ resolver: { ...fakeDns().resolver, resolve4: broken, resolve6: broken } }).begin();
    expect(await source.started).toMatchObject(left({ _tag: "DnsFailed", code: "UNKNOWN" }));
    source.close();
  });
});
