import { describe, expect, test } from "vitest";
import { bodies, call } from "./client.ts";
import { configured, Folder, through } from "./configured.ts";
import { Arrivals, held, type Held, named } from "./origin.ts";

describe("load balancing", () => {
  test("follows weights", async () => {
    await using one = await named("one");
    await using two = await named("two");
    using folder = new Folder();
    const endpoints = [
      { url: one.url, weight: 3 },
      { url: two.url, weight: 1 },
    ];
    await using pagoda = await configured(folder, through({ endpoints, balance: "weighted-round-robin" }));
    const seen = await bodies(pagoda.url, 40);
    expect(seen.filter((body) => body === "one")).toHaveLength(30);
  });

  test.each(["ring-hash", "maglev"])(
    "by %s sends each key to one endpoint and spreads keys over all",
    async (strategy) => {
      await using one = await named("one");
      await using two = await named("two");
      using folder = new Folder();
      const balance = { strategy, key: { header: "x-session" } };
      await using pagoda = await configured(folder, through({ endpoints: [one.url, two.url], balance }));
      const all = new Set<string>();
      for (let session = 0; session < 20; session++) {
        const seen = new Set(await bodies(pagoda.url, 3, { "x-session": `${session}` }));
        expect(seen.size).toBe(1);
        for (const body of seen) all.add(body);
      }
      expect(all).toEqual(new Set(["one", "two"]));
    },
  );

  test.each(["ring-hash", "maglev"])(
    "by %s sends a key to one endpoint from every machine",
    async (strategy) => {
      await using one = await named("one");
      await using two = await named("two");
      await using three = await named("three");
      using folder = new Folder();
      const balance = { strategy, key: { header: "x-session" } };
      const urls = [one.url, two.url, three.url];
      await using first = await configured(folder, through({ endpoints: urls, balance }));
      // Discovery may list them in another order there.
      using elsewhere = new Folder();
      const cluster = { endpoints: urls.toReversed(), balance };
      await using second = await configured(elsewhere, through(cluster));
      const endpointsFrom = async ({ url }: { readonly url: string }): Promise<readonly string[]> => {
        const each: string[] = [];
        for (let n = 0; n < 20; n++) each.push(...(await bodies(url, 1, { "x-session": `${n}` })));
        return each;
      };
      const seen = await endpointsFrom(first);
      expect(new Set(seen).size).toBeGreaterThan(1);
      expect(await endpointsFrom(second)).toEqual(seen);
    },
  );

  test.each(["least-request", "peak-ewma"])("by %s avoids a busy endpoint", async (balance) => {
    const arrivals = new Arrivals<Held>();
    await using busy = await held(arrivals);
    await using free = await named("free");
    using folder = new Folder();
    await using pagoda = await configured(folder, through({ endpoints: [busy.url, free.url], balance }));
    const waiting: Promise<unknown>[] = [];
    let isHeld = false;
    const arrived = arrivals.next().then((first) => {
      isHeld = true;
      return first;
    });
    while (!isHeld) {
      const one = call(pagoda.url, { agent: false });
      waiting.push(one);
      await Promise.race([one, arrived]);
    }
    expect(await bodies(pagoda.url, 10)).toEqual(Array.from({ length: 10 }, () => "free"));
    (await arrived).response.end("busy");
    await Promise.all(waiting);
  });
});
