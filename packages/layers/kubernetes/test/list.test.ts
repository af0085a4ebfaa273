import { left, right } from "@pagoda/core";
import { testAuthority } from "@pagoda/http/testing";
import { writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { bench } from "./bench.ts";
import { authority, slice } from "./fake-api.ts";

const initial = [{ key: "http://10.0.0.9:80", host: "shop", address: "10.0.0.9", port: 80 }];

describe("the first list", () => {
  test("asks for the slices of the service, with the token", async () => {
    await using shop = await bench();
    const list = await shop.next();
    expect(list.url.pathname).toBe("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices");
    expect(list.query).toEqual({ labelSelector: "kubernetes.io/service-name=shop", limit: "100" });
    expect(list.token).toBe("Bearer secret");
    list.list([slice(["10.0.0.2", "10.0.0.1"])]);
    const endpoints = ["10.0.0.1", "10.0.0.2"].map((address) => ({
      key: `http://${address}:8080`,
      host: "shop.default.svc",
      address,
      port: 8080,
    }));
    expect(await shop.source.started).toEqual(right(endpoints));
  });

  test("is read page by page", async () => {
    await using shop = await bench();
    (await shop.next()).list([slice(["10.0.0.1"], { name: "a" })], "7", "more/of it");
    const second = await shop.next();
    expect(second.query).toMatchObject({ limit: "100", continue: "more/of it" });
    second.list([slice(["10.0.0.2"], { name: "b" })], "7");
    expect(await shop.changes.next()).toBe("10.0.0.1:8080 10.0.0.2:8080");
    expect((await shop.next()).query).toMatchObject({ watch: "1", resourceVersion: "7" });
  });

  test("is read as a whole when its pages have expired", async () => {
    await using shop = await bench();
    (await shop.next()).list([slice(["10.0.0.1"], { name: "a" })], "7", "more");
    (await shop.next()).refuse(410, "The provided continue parameter is too old");
    const whole = await shop.next();
    expect(Object.keys(whole.query)).toEqual(["labelSelector"]);
    whole.list([slice(["10.0.0.2"])]);
    expect(await shop.changes.next()).toBe("10.0.0.2:8080");
    expect(shop.faults.all).toEqual([]);
  });

  test("may be empty", async () => {
    await using shop = await bench();
    (await shop.next()).list([]);
    expect(await shop.source.started).toEqual(right([]));
    expect((await shop.next()).query).toMatchObject({ watch: "1" });
  });

  test("replaces initial endpoints", async () => {
    await using shop = await bench({ initial });
    expect(shop.source.endpoints).toEqual(initial);
    (await shop.next()).list([slice(["10.0.0.1"])]);
    expect(await shop.changes.next()).toBe("10.0.0.1:8080");
  });
});

describe("a list that fails", () => {
  test("settles `started`, and is read again after 1 s, 2 s, and so on up to 30 s", async () => {
    await using shop = await bench();
    const waits: (number | null)[] = [];
    (await shop.next()).refuse(403, "endpointslices is forbidden");
    for (let n = 0; n < 7; n++) {
      await shop.faults.next();
      waits.push(shop.waitMs);
      const [before, { length }] = [shop.clock.now(), shop.api.requests.all];
      await shop.clock.advance((shop.waitMs ?? 0) - 1);
      expect(shop.api.requests.all).toHaveLength(length);
      const request = await shop.retried();
      expect(shop.clock.now() - before).toBe(waits.at(-1));
      request.refuse(403, "endpointslices is forbidden");
    }
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    expect(await shop.source.started).toMatchObject(
      left({ _tag: "ApiRefused", status: 403, message: "endpointslices is forbidden" }),
    );
  });

  test("waits half of that at random", async () => {
    await using shop = await bench({ random: () => 0.5 });
    (await shop.next()).refuse(500, "no");
    await shop.faults.next();
    expect(shop.waitMs).toBe(750);
  });

  test("waits as long as the API server asks", async () => {
    await using shop = await bench();
    (await shop.next()).refuse(429, "too many requests", { "retry-after": "7" });
    expect(await shop.faults.next()).toMatchObject({ status: 429, retryAfterMs: 7_000 });
    expect(shop.waitMs).toBe(7_000);
  });

  test("keeps the endpoints, and the error until it succeeds", async () => {
    await using shop = await bench({ initial });
    (await shop.next()).refuse(403, "not yet");
    await shop.faults.next();
    expect(shop.source.endpoints).toEqual(initial);
    expect(shop.source.lastError).toMatch(/^403 from https:\/\/127.0.0.1:\d+: not yet$/);
    (await shop.retried()).list([slice(["10.0.0.1"])]);
    expect(await shop.changes.next()).toBe("10.0.0.1:8080");
    expect(shop.source.lastError).toBeUndefined();
  });

  test.each([
    ["<html>", /^the answer must be a list with a resourceVersion \(got "<html>"\)$/],
    [JSON.stringify({ items: [] }), /must be a list with a resourceVersion/],
    [JSON.stringify({ metadata: { resourceVersion: "1" } }), /must be a list with a resourceVersion/],
    [JSON.stringify({ metadata: { resourceVersion: "1", continue: 1 }, items: [] }), /must be a list/],
    [
      JSON.stringify({ metadata: { resourceVersion: "1" }, items: [{}] }),
      /^metadata.name of an EndpointSlice must be a name \(got missing\)$/,
    ],
  ])("because it is %j keeps the endpoints", async (text, problem) => {
    await using shop = await bench({ initial });
    const list = (await shop.next()).begin();
    list.raw(text);
    list.end();
    expect(await shop.faults.next()).toMatchObject({
      _tag: "ApiInvalid",
      problem: expect.stringMatching(problem) as string,
    });
    expect(shop.source.endpoints).toEqual(initial);
  });

  test("because the answer is a page of something else shows its beginning", async () => {
    await using shop = await bench();
    (await shop.next()).json(502, "x".repeat(20_000));
    expect(await shop.faults.next()).toMatchObject({ status: 502, message: '""' });
    (await shop.retried()).json(502, "bad gateway");
    expect(await shop.faults.next()).toMatchObject({ message: '"\\"bad gateway\\""' });
  });

  test("because the connection breaks is read again, even if it breaks in the body", async () => {
    await using shop = await bench();
    (await shop.next()).break();
    expect(await shop.faults.next()).toMatchObject({ _tag: "ApiUnreachable", code: "UND_ERR_SOCKET" });
    const list = (await shop.retried()).begin();
    list.raw('{"metadata":{"resourceVersion":"1"},"items":[]');
    await shop.clock.advance(0);
    list.break();
    expect(await shop.faults.next()).toMatchObject({ _tag: "ApiUnreachable" });
    (await shop.retried()).list([slice(["10.0.0.1"])]);
    await shop.changes.next();
  });

  test("because the API server does not answer is given up after timeoutMs", async () => {
    await using shop = await bench({ timeoutMs: 5_000 });
    const silent = await shop.next();
    await shop.clock.advance(4_999);
    expect(shop.faults.all).toEqual([]);
    await shop.clock.advance(1);
    expect(await shop.faults.next()).toMatchObject({ _tag: "ApiUnreachable", code: "ETIMEDOUT" });
    await silent.closed;
    const slow = (await shop.retried()).begin();
    slow.raw("{");
    while (shop.faults.all.length < 2) await shop.clock.advance(1_000);
    expect(shop.faults.all[1]).toMatchObject({ _tag: "ApiUnreachable", code: "ETIMEDOUT" });
    await slow.closed;
  });

  test("because the token is missing names its file, and uses a new one when it is there", async () => {
    await using shop = await bench({
      server: { origin: "https://127.0.0.1:1", tokenFile: "/nowhere", caFile: "/" },
    });
    expect(await shop.faults.next()).toMatchObject({
      _tag: "FileUnreadable",
      path: "/nowhere",
      code: "ENOENT",
    });
    expect(shop.source.lastError).toBe("ENOENT for /nowhere");
  });

  test("reads the token again for each request", async () => {
    await using shop = await bench();
    (await shop.next()).refuse(401, "Unauthorized");
    await shop.faults.next();
    writeFileSync(shop.api.reach.tokenFile, "renewed");
    expect((await shop.retried()).token).toBe("Bearer renewed");
  });

  test("because of an unknown authority reads the authorities again for each connection", async () => {
    await using shop = await bench();
    const { caFile } = shop.api.reach;
    writeFileSync(caFile, testAuthority().ca);
    expect(await shop.faults.next()).toMatchObject({ code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE" });
    writeFileSync(caFile, authority.ca);
    (await shop.retried()).list([slice(["10.0.0.1"])]);
    await shop.changes.next();
  });
});
