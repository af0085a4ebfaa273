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
