import { describe, expect, test } from "vitest";
import { type Bench, bench } from "./bench.ts";
import { type Exchange, http, slice } from "./fake-api.ts";

/** After a list with one slice, `shop-1`, that has 10.0.0.1, at version 5: the first watch. */
async function watched(shop: Bench): Promise<Exchange> {
  (await shop.next()).list([slice(["10.0.0.1"])], "5");
  await shop.changes.next();
  const watch = (await shop.next()).begin();
  expect(await shop.watching.next()).toBe(true);
  return watch;
}

describe("a watch", () => {
  test("begins at the version of the list, with bookmarks and a limited time", async () => {
    await using shop = await bench({ watchMs: 60_000 });
    const watch = await watched(shop);
    expect(watch.query).toEqual({
      labelSelector: "kubernetes.io/service-name=shop",
      watch: "1",
      allowWatchBookmarks: "true",
      timeoutSeconds: "60",
      resourceVersion: "5",
    });
    expect(shop.api.connections).toBe(1);
  });

  test("adds, changes and removes slices", async () => {
    await using shop = await bench();
    const watch = await watched(shop);
    watch.event("ADDED", slice(["10.0.0.2"], { name: "shop-2", version: "6" }));
    expect(await shop.changes.next()).toBe("10.0.0.1:8080 10.0.0.2:8080");
    watch.event("MODIFIED", slice(["10.0.0.3"], { version: "7" }));
    expect(await shop.changes.next()).toBe("10.0.0.2:8080 10.0.0.3:8080");
    watch.event("DELETED", slice([], { name: "shop-2", version: "8" }));
    expect(await shop.changes.next()).toBe("10.0.0.3:8080");
    watch.event("DELETED", slice([], { version: "9" }));
    expect(await shop.changes.next()).toBe("");
    expect(shop.faults.all).toEqual([]);
  });

  test("takes events that are split anywhere, in characters, too", async () => {
    await using shop = await bench();
    const watch = await watched(shop);
    const event = slice(["10.0.0.2"], { name: "größe", version: "6", ports: [{ ...http, port: 1 }] });
    const bytes = Buffer.from(`\n${JSON.stringify({ type: "ADDED", object: event })}\n`);
    for (const byte of bytes) {
      watch.raw(Buffer.from([byte]));
      await shop.clock.advance(0);
    }
    expect(await shop.changes.next()).toBe("10.0.0.1:8080 10.0.0.2:1");
  });

  test("that the API server ends is continued at once at its last version", async () => {
    await using shop = await bench();
    const watch = await watched(shop);
    watch.bookmark("17");
    watch.end();
    expect((await shop.next()).query).toMatchObject({ watch: "1", resourceVersion: "17" });
    expect(shop.faults.all).toEqual([]);
    expect(shop.source.watch).toMatchObject({ begun: 1, isWatching: false });
  });

  test("that ends at once is continued after a pause", async () => {
    await using shop = await bench();
    (await watched(shop)).end();
    const problem = "a watch must last at least 1000 ms, or have an event";
    expect(await shop.faults.next()).toMatchObject({ _tag: "ApiInvalid", problem });
    expect(shop.waitMs).toBe(1_000);
  });

  test("that breaks is continued after a pause, and keeps the endpoints", async () => {
    await using shop = await bench();
    const watch = await watched(shop);
    watch.event("MODIFIED", slice(["10.0.0.2"], { version: "6" }));
    await shop.changes.next();
    watch.break();
    expect(await shop.faults.next()).toMatchObject({ _tag: "ApiUnreachable" });
    expect(await shop.watching.next()).toBe(false);
    expect(shop.source.endpoints).toMatchObject([{ address: "10.0.0.2" }]);
    const again = await shop.retried();
    expect(again.query).toMatchObject({ watch: "1", resourceVersion: "6" });
    expect(shop.source.lastError).toMatch(/ for https:/);
    again.begin();
    expect(await shop.watching.next()).toBe(true);
    expect(shop.source.lastError).toBeUndefined();
    expect(shop.changes.all).toHaveLength(2);
  });

  test("that is refused is begun again after longer and longer pauses, without another list", async () => {
    await using shop = await bench();
    (await shop.next()).list([slice(["10.0.0.1"])], "5");
    let watch = await shop.next();
    for (const waitMs of [1_000, 2_000, 4_000]) {
      expect(watch.query).toMatchObject({ watch: "1", resourceVersion: "5" });
      watch.refuse(403, "forbidden");
      expect(await shop.faults.next()).toMatchObject({ status: 403 });
      expect(shop.waitMs).toBe(waitMs);
      watch = await shop.retried();
    }
    watch.begin().bookmark("6");
    await shop.watching.next();
    watch.break();
    await shop.faults.next();
    expect(shop.waitMs).toBe(1_000);
    expect(shop.source.endpoints).toHaveLength(1);
  });

  test("of a connection that died unnoticed is given up after its time", async () => {
    await using shop = await bench({ watchMs: 60_000, timeoutMs: 5_000 });
    const watch = await watched(shop);
    await shop.clock.advance(64_999);
    expect(shop.faults.all).toEqual([]);
    await shop.clock.advance(1);
    expect(await shop.faults.next()).toMatchObject({ _tag: "ApiUnreachable", code: "ETIMEDOUT" });
    await watch.closed;
    expect((await shop.retried()).query).toMatchObject({ watch: "1", resourceVersion: "5" });
    expect(shop.api.connections).toBe(2);
  });

  test("has at least half of its time, at random", async () => {
    await using shop = await bench({ watchMs: 60_000, random: () => 0.5 });
    expect((await watched(shop)).query).toMatchObject({ timeoutSeconds: "45" });
  });
});

describe("a version that the API server no longer knows", () => {
  const gone = { kind: "Status", code: 410, message: "too old resource version: 5 (9)" };

  test.each([
    ["as an event", (watch: Exchange) => watch.begin().event("ERROR", gone)],
    ["as a status", (watch: Exchange) => watch.json(410, gone)],
  ])("%s leads to another list at once", async (_, refuse) => {
    await using shop = await bench();
    (await shop.next()).list([slice(["10.0.0.1"]), slice(["10.0.0.2"], { name: "shop-2" })], "5");
    await shop.changes.next();
    refuse(await shop.next());
    const list = await shop.next();
    expect(list.query).toMatchObject({ limit: "100" });
    expect(shop.source.endpoints).toHaveLength(2);
    list.list([slice(["10.0.0.3"])], "9");
    expect(await shop.changes.next()).toBe("10.0.0.3:8080");
    expect((await shop.next()).query).toMatchObject({ resourceVersion: "9" });
    expect(shop.faults.all).toEqual([]);
  });

  test("again and again leads to lists with pauses", async () => {
    await using shop = await bench();
    (await shop.next()).list([], "5");
    (await shop.next()).begin().event("ERROR", gone);
    (await shop.next()).list([], "6");
    (await shop.next()).begin().event("ERROR", gone);
    expect(await shop.faults.next()).toMatchObject({ status: 410 });
    expect(shop.waitMs).toBe(2_000);
    expect((await shop.retried()).query).toMatchObject({ limit: "100" });
  });
});

describe("an event that is invalid", () => {
  const object = slice(["10.0.0.9"], { version: "6" });
  test.each([
    ["nonsense", /must have a type and an object with a resourceVersion \(got "nonsense"\)/],
    ["null", /must have a type and an object/],
    [JSON.stringify({ type: "ADDED" }), /must have a type and an object/],
    [JSON.stringify({ type: "ADDED", object: { metadata: { resourceVersion: "6" } } }), /metadata.name/],
    [JSON.stringify({ type: "PATCHED", object }), /must be ADDED, MODIFIED, .* \(got "PATCHED"\)/],
  ])("leads to another list after a pause: %s", async (line, problem) => {
    await using shop = await bench();
    const watch = await watched(shop);
    watch.raw(`${line}\n${JSON.stringify({ type: "MODIFIED", object })}\n`);
    expect(await shop.faults.next()).toMatchObject({
      _tag: "ApiInvalid",
      problem: expect.stringMatching(problem) as string,
    });
    expect(shop.source.endpoints).toMatchObject([{ address: "10.0.0.1" }]);
    await watch.closed;
    expect((await shop.retried()).query).toMatchObject({ limit: "100" });
  });

  test("because the API server reports another error is no reason to list", async () => {
    await using shop = await bench();
    const broken = await watched(shop);
    broken.break();
    await shop.faults.next();
    const watch = (await shop.retried()).begin();
    watch.bookmark("6");
    watch.event("ERROR", { kind: "Status", code: 500, message: "etcd is slow" });
    expect(await shop.faults.next()).toMatchObject({ status: 500, message: "etcd is slow" });
    // The watch has worked in between.
    expect(shop.waitMs).toBe(1_000);
    expect((await shop.retried()).query).toMatchObject({ watch: "1", resourceVersion: "6" });
  });
});

describe("endpoints that cannot be used", () => {
  test("are reported once for as long as they are there", async () => {
    await using shop = await bench();
    const metrics = { ...http, name: "metrics" };
    const without = (version: string) => slice(["10.0.0.2"], { name: "b", version, ports: [metrics] });
    (await shop.next()).list([slice(["10.0.0.1"]), without("1")], "5");
    const problems = ['b: ports must include "http" (got "metrics" (8080))'];
    expect(await shop.faults.next()).toMatchObject({ _tag: "SlicesInvalid", partial: true, problems });
    expect(shop.source.lastError).toBe(problems[0]);
    const watch = (await shop.next()).begin();
    await shop.watching.next();
    watch.event("MODIFIED", slice(["10.0.0.3"], { version: "6" }));
    expect(await shop.changes.next()).toBe("10.0.0.1:8080");
    expect(await shop.changes.next()).toBe("10.0.0.3:8080");
    expect(shop.faults.all).toHaveLength(1);
    watch.event("DELETED", without("7"));
    watch.event("MODIFIED", slice(["10.0.0.4"], { version: "8" }));
    expect(await shop.changes.next()).toBe("10.0.0.4:8080");
    expect(shop.source.lastError).toBeUndefined();
  });
});

describe("a source", () => {
  test("describes its watch", async () => {
    await using shop = await bench();
    const zoned = (address: string, zone: string) => ({ addresses: [address], zone });
    (await shop.next()).list([slice([zoned("10.0.0.1", "a"), zoned("10.0.0.2", "b"), "10.0.0.3"])], "5");
    (await shop.next()).begin();
    await shop.watching.next();
    await shop.clock.advance(3_000);
    shop.clock.jumpWallTime(60_000);
    expect(shop.source.state()).toEqual({
      kubernetes: {
        namespace: "default",
        service: "shop",
        port: "http",
        slices: 1,
        zones: { "": 1, a: 1, b: 1 },
        watching: true,
        sinceEventMs: 3_000,
        sinceSuccessMs: 3_000,
        failures: 0,
        nextInMs: null,
        lastError: null,
      },
    });
    expect(shop.source.watch).toEqual({
      isWatching: true,
      begun: 1,
      lastEventMs: shop.clock.wallTime() - 63_000,
    });
  });

  test("that is closed ends its watch, leaves no timer and is silent", async () => {
    await using shop = await bench();
    const watch = await watched(shop);
    shop.source.close();
    shop.source.close();
    await watch.closed;
    await shop.clock.advance(0);
    expect(shop.clock.pending).toBe(0);
    expect(shop.faults.all).toEqual([]);
    expect(shop.watching.all).toEqual([true]);
    expect(shop.source.endpoints).toHaveLength(1);
  });

  test("that is closed during a pause leaves no timer", async () => {
    await using shop = await bench();
    (await shop.next()).refuse(403, "no");
    await shop.faults.next();
    shop.source.close();
    await shop.clock.advance(0);
    expect(shop.clock.pending).toBe(0);
  });

  test("that is closed before the first list has not started", async () => {
    await using shop = await bench();
    shop.source.close();
    expect(await shop.source.started).toMatchObject({ left: { _tag: "SourceClosed" } });
  });
});
