import { virtualClock } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";
import { dnsEndpoints, type DnsEndpointsOptions } from "@pagoda/discovery";
import { fakeDns, keys } from "./fake-dns.ts";

/** Endpoints of `api.test`: one at first; then, with the first TTL's end at 5 s, the DNS says what `then` is. */
async function bench(then: string, options: Partial<DnsEndpointsOptions> = {}) {
  const clock = virtualClock();
  const dns = fakeDns(clock);
  dns.records.set("A api.test", [["10.0.0.1", 5]]);
  const told: unknown[] = [];
  const source = dnsEndpoints({
    host: "api.test",
    port: 80,
    family: 4,
    resolver: dns.resolver,
    clock,
    random: () => 1,
    observer: {
      changed: (endpoints) => told.push(endpoints.length),
      failed: ({ _tag }) => told.push(_tag),
    },
    ...options,
  });
  await clock.advance(0);
  dns.records.set("A api.test", then);
  return { clock, dns, told, source };
}

describe("that there is nothing", () => {
  test.each(["ENOTFOUND", "ENODATA"])(
    "is believed when the DNS has said so for a while: %s",
    async (code) => {
      const { clock, told, source } = await bench(code);
      await clock.advance(34_999);
      expect(keys(source)).toEqual(["http://10.0.0.1:80"]);
      expect(told).toEqual([1, ...Array.from({ length: 5 }, () => "NoRecords")]);
      await clock.advance(1);
      expect(keys(source)).toEqual([]);
      expect(told.slice(6)).toEqual(["NoRecords", 0]);
      source.close();
    },
  );

  test("is believed at once where that is wanted, and never where that is", async () => {
    const atOnce = await bench("ENOTFOUND", { emptyAfterMs: 0 });
    const never = await bench("ENOTFOUND", { emptyAfterMs: Infinity });
    await atOnce.clock.advance(5_000);
    await never.clock.advance(10_000_000);
    expect([keys(atOnce.source).length, keys(never.source).length]).toEqual([0, 1]);
    atOnce.source.close();
    never.source.close();
  });

  test("is what a list without records says, too", async () => {
    const { clock, dns, source } = await bench("");
    dns.records.set("A api.test", []);
    await clock.advance(34_999);
    expect(keys(source)).toHaveLength(1);
    await clock.advance(1);
    expect(keys(source)).toEqual([]);
    source.close();
  });

  test("a failure in between neither confirms nor contradicts", async () => {
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

  test("an answer in between begins it anew", async () => {
    const { clock, dns, source } = await bench("ENOTFOUND");
    await clock.advance(30_000);
    dns.records.set("A api.test", [["10.0.0.1", 5]]);
    await clock.advance(5_000);
    dns.records.set("A api.test", "ENOTFOUND");
    await clock.advance(30_000);
    expect(keys(source)).toHaveLength(1);
    source.close();
  });

  test("half of it is not enough: a type of record that has no answer may hold some", async () => {
    const { clock, dns, source } = await bench("ENOTFOUND", { emptyAfterMs: 0, family: undefined as never });
    dns.records.set("AAAA api.test", "ESERVFAIL");
    await clock.advance(60_000);
    expect(keys(source)).toHaveLength(1);
    source.close();
  });

  test("the first that comes back is there at once", async () => {
    const { clock, dns, told, source } = await bench("ENOTFOUND", { emptyAfterMs: 0, maxFailureMs: 2_000 });
    await clock.advance(60_000);
    dns.records.set("A api.test", [["10.0.0.2", 5]]);
    await clock.advance(2_000);
    expect(keys(source)).toEqual(["http://10.0.0.2:80"]);
    expect(told.filter((one) => typeof one === "number")).toEqual([1, 0, 1]);
    source.close();
  });
});
