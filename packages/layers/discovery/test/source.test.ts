import { virtualClock } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";
import { dnsEndpoints } from "@pagoda/discovery";
import { fakeDns, keys } from "./fake-dns.ts";

function bench() {
  const clock = virtualClock();
  const dns = fakeDns(clock);
  const set = (...addresses: readonly string[]): void => {
    dns.records.set(
      "A api.test",
      addresses.map((address) => [address, 5] as const),
    );
  };
  set("10.0.0.1");
  const { resolver } = dns;
  const source = dnsEndpoints({ host: "api.test", port: 80, family: 4, resolver, clock, random: () => 1 });
  return { clock, dns, set, source };
}

describe("subscribers", () => {
  test("are notified of each change until they unsubscribe, even if subscribed twice", async () => {
    const { clock, set, source } = bench();
    let heard = 0;
    const changed = (): void => {
      heard++;
    };
    const ends = [source.subscribe(changed), source.subscribe(changed)];
    await clock.advance(0);
    expect(heard).toBe(2);
    ends[0]?.();
    set("10.0.0.2");
    await clock.advance(5_000);
    expect(heard).toBe(3);
    ends[0]?.();
    ends[1]?.();
    set("10.0.0.3");
    await clock.advance(5_000);
    expect(heard).toBe(3);
    source.close();
  });

  test("see the new list when notified", async () => {
    const { clock, source } = bench();
    const seen: (readonly string[])[] = [];
    source.subscribe(() => seen.push(keys(source)));
    await clock.advance(0);
    expect(seen).toEqual([["http://10.0.0.1:80"]]);
    source.close();
  });

  test("added during a notification are notified of the next change", async () => {
    const { clock, set, source } = bench();
    let heard = 0;
    const end = source.subscribe(() => {
      end();
      source.subscribe(() => heard++);
    });
    await clock.advance(0);
    expect(heard).toBe(0);
    set("10.0.0.2");
    await clock.advance(5_000);
    expect(heard).toBe(1);
    source.close();
  });

  test("may unsubscribe each other, subscribe others, and close the source", async () => {
    const { clock, source } = bench();
    const heard: string[] = [];
    source.subscribe(() => {
      heard.push("first");
      endSecond();
      source.subscribe(() => heard.push("a newcomer"));
    });
    const endSecond = source.subscribe(() => heard.push("second"));
    source.subscribe(() => {
      heard.push("third");
      source.close();
    });
    source.subscribe(() => heard.push("fourth"));
    await clock.advance(0);
    expect(heard).toEqual(["first", "third"]);
    expect(clock.pending).toBe(0);
  });
});

describe("closing", () => {
  test("leaves no timer or query, and keeps the endpoints", async () => {
    const { clock, dns, source } = bench();
    await clock.advance(0);
    expect(clock.pending).toBe(1);
    source.close();
    source.close();
    expect(clock.pending).toBe(0);
    await clock.advance(60_000);
    expect(dns.queries).toHaveLength(1);
    expect(keys(source)).toEqual(["http://10.0.0.1:80"]);
  });

  test("cancels queries in flight, and ignores their results", async () => {
    const { clock, dns, source } = bench();
    await clock.advance(0);
    dns.records.set("A api.test", "silent");
    await clock.advance(5_000);
    expect([dns.pending, clock.pending]).toEqual([1, 1]);
    const before = source.state();
    source.close();
    expect([dns.pending, clock.pending]).toEqual([0, 0]);
    await clock.advance(0);
    expect(source.state()).toEqual(before);
    expect(clock.pending).toBe(0);
  });

  test("applies to later subscribers, too", async () => {
    const { source } = bench();
    source.close();
    expect(() => source.subscribe(() => {})()).not.toThrow();
  });
});

describe("description", () => {
  test("reports the state", async () => {
    const { clock, dns, source } = bench();
    const host = "api.test";
    expect(source.state()).toEqual({
      dns: {
        host,
        port: 80,
        ttlMs: null,
        sinceSuccessMs: null,
        nextInMs: null,
        failures: 0,
        lastError: null,
      },
    });
    await clock.advance(2_000);
    expect(source.state()).toEqual({
      dns: {
        host,
        port: 80,
        ttlMs: 5_000,
        sinceSuccessMs: 2_000,
        nextInMs: 3_000,
        failures: 0,
        lastError: null,
      },
    });
    dns.records.set("A api.test", "ESERVFAIL");
    await clock.advance(3_500);
    const lastError = "ESERVFAIL for api.test";
    expect(source.state()).toEqual({
      dns: { host, port: 80, ttlMs: 5_000, sinceSuccessMs: 5_500, nextInMs: 500, failures: 1, lastError },
    });
    source.close();
  });
});
