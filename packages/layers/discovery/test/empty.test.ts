import { virtualClock } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";
import { dnsEndpoints, type DnsEndpointsOptions } from "@pagoda/discovery";
import { fakeDns, keys } from "./fake-dns.ts";

/**
 * Endpoints of `api.test`: one at first, then, when the first TTL expires at 5 s, those of `then`.
 */
async function bench(then: string, options: Partial<DnsEndpointsOptions> = {}) {
  const clock = virtualClock();
  const dns = fakeDns(clock);
  dns.records.set("A api.test", [["10.0.0.1", 5]]);
  const seen: unknown[] = [];
  const source = dnsEndpoints({
    host: "api.test",
    port: 80,
    family: 4,
    resolver: dns.resolver,
    clock,
    random: () => 1,
    observer: {
      changed: (endpoints) => seen.push(endpoints.length),
      failed: ({ _tag }) => seen.push(_tag),
    },
    ...options,
  });
  await clock.advance(0);
  dns.records.set("A api.test", then);
  return { clock, dns, seen, source };
}

describe("a negative answer", () => {
  test.each(["ENOTFOUND", "ENODATA"])("empties the list once it has persisted: %s", async (code) => {
    const { clock, seen, source } = await bench(code);
    await clock.advance(34_999);
    expect(keys(source)).toEqual(["http://10.0.0.1:80"]);
    expect(seen).toEqual([1, ...Array.from({ length: 5 }, () => "NoRecords")]);
    await clock.advance(1);
    expect(keys(source)).toEqual([]);
    expect(seen.slice(6)).toEqual(["NoRecords", 0]);
    source.close();
  });

  test("is accepted at once with emptyAfterMs 0, and never with Infinity", async () => {
    const atOnce = await bench("ENOTFOUND", { emptyAfterMs: 0 });
    const never = await bench("ENOTFOUND", { emptyAfterMs: Infinity });
    await atOnce.clock.advance(5_000);
    await never.clock.advance(10_000_000);
    expect([keys(atOnce.source).length, keys(never.source).length]).toEqual([0, 1]);
    atOnce.source.close();
    never.source.close();
  });

  test("may be a list without records", async () => {
    const { clock, dns, source } = await bench("");
    dns.records.set("A api.test", []);
    await clock.advance(34_999);
    expect(keys(source)).toHaveLength(1);
    await clock.advance(1);
    expect(keys(source)).toEqual([]);
    source.close();
  });

  test("is neither confirmed nor contradicted by a failure in between", async () => {
    const { clock, dns, source } = await bench("ENOTFOUND");
    await clock.advance(30_000);
    dns.records.set("A api.test", "ESERVFAIL");
    await clock.advance(30_000);
    expect(keys(source)).toHaveLength(1);
    dns.records.set("A api.test", "ENOTFOUND");
    await clock.advance(30_000);
    expect(keys(source)).toHaveLength(0);
    source.close();
  });

  test("starts over after a positive answer in between", async () => {
    const { clock, dns, source } = await bench("ENOTFOUND");
    await clock.advance(30_000);
    dns.records.set("A api.test", [["10.0.0.1", 5]]);
    await clock.advance(5_000);
    dns.records.set("A api.test", "ENOTFOUND");
    await clock.advance(30_000);
    expect(keys(source)).toHaveLength(1);
    source.close();
  });

  test("of one record type is not enough if the other has no answer", async () => {
    const { clock, dns, source } = await bench("ENOTFOUND", { emptyAfterMs: 0, family: undefined as never });
    dns.records.set("AAAA api.test", "ESERVFAIL");
    await clock.advance(60_000);
    expect(keys(source)).toHaveLength(1);
    source.close();
  });

  test("gives way to the next positive answer at once", async () => {
    const { clock, dns, seen, source } = await bench("ENOTFOUND", { emptyAfterMs: 0, maxFailureMs: 2_000 });
    await clock.advance(60_000);
    dns.records.set("A api.test", [["10.0.0.2", 5]]);
    await clock.advance(2_000);
    expect(keys(source)).toEqual(["http://10.0.0.2:80"]);
    expect(seen.filter((one) => typeof one === "number")).toEqual([1, 0, 1]);
    source.close();
  });
});
