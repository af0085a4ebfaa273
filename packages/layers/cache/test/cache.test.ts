import { right } from "@pagoda/core";
import { mockService } from "@pagoda/core/testing";
import { bodyFrom, type HttpRequest, httpRequest, type HttpResponse, httpResponse, text } from "@pagoda/http";
import { conformance as coreConformance } from "@pagoda/core/testing";
import { conformance } from "@pagoda/http/testing";
import { describe, expect, test } from "vitest";
import { cache, memoryStore } from "@pagoda/cache";
import { bench, origin } from "./bench.ts";

const fresh = { "cache-control": "max-age=60" };
const changes = { response: ["headers", "body"] };

describe("cache conforms", () => {
  // Nothing of this response is stored.
  conformance(test, ({ clock }) => cache({ clock }), { changes: { response: ["headers"] } });
  // Without the rules about bodies: a request with one is never answered from the store.
  coreConformance(test, ({ clock }) => cache({ clock }), {
    request: () => httpRequest("http://shop.example/"),
    response: () => httpResponse(200),
    answered: () => httpRequest("http://shop.example/", { headers: { "cache-control": "only-if-cached" } }),
    changes: { response: ["headers"] },
  });
  // This one is stored and shared.
  conformance(test, ({ clock }) => cache({ clock }), {
    response: () => httpResponse(200, undefined, { etag: '"1"' }),
    changes,
  });
  conformance(test, ({ clock }) => cache({ clock }), {
    request: () => httpRequest("http://shop.example/", { method: "POST" }),
    response: () => httpResponse(201),
    changes,
  });
  conformance(test, ({ clock }) => cache({ clock }), {
    request: () => httpRequest("http://shop.example/", { method: "HEAD" }),
    response: () => httpResponse(200),
    changes,
  });
  conformance(test, ({ clock }) => cache({ clock }), {
    request: () => httpRequest("http://shop.example/", { headers: { range: "bytes=0-1" } }),
    response: () => httpResponse(206),
    changes,
  });
});

describe("cache", () => {
  test("answers from the store without calling the origin", async () => {
    const { ask, clock } = bench();
    expect(await ask({}, origin({ ...fresh, "x-a": "1" }))).toMatchObject({ how: "fwd=uri-miss; stored" });
    await clock.advance(10_500);
    const hit = await ask();
    expect([hit.status, hit.body, hit.how]).toEqual([200, "content", "hit; ttl=49"]);
    expect([hit.fields("age"), hit.fields("x-a")]).toEqual(["10", "1"]);
  });

  test.each([
    ["an upgrade", { upgrade: "websocket" }],
    ["CONNECT", { method: "CONNECT", path: "" }],
  ])("leaves tunnels alone: %s", async (_, more) => {
    const { mock, layered, request } = bench();
    const result = layered.call({ ...request({}), ...more });
    const response = origin(fresh);
    (await mock.next()).answer(response);
    expect(await result).toEqual(right(response));
  });

  test("the name in Cache-Status can be changed, quoted if it must be, and left out", async () => {
    for (const [name, member] of [
      ["edge-1", "edge-1; fwd=uri-miss"],
      ['my "edge"', '"my \\"edge\\""; fwd=uri-miss'],
      [false, undefined],
    ] as const) {
      const { ask } = bench({ name });
      expect((await ask({}, origin())).fields("cache-status")).toBe(member);
    }
  });

  test("adds to the Cache-Status of caches further in", async () => {
    const { mock, layered, request } = bench();
    const result = layered.call(request({}));
    (await mock.next()).answer(origin({ "cache-status": "inner; hit" }));
    const settled = await result;
    expect(settled._tag === "Right" && settled.right.headers.all("cache-status")).toEqual([
      "inner; hit",
      "pagoda; fwd=uri-miss",
    ]);
  });

  test("two services of one layer share the store; two layers do not, unless told to", async () => {
    const layer = cache();
    const [one, other] = [mockService<HttpRequest, HttpResponse>(), mockService<HttpRequest, HttpResponse>()];
    const first = layer(one.service).call(httpRequest("http://a/"));
    (await one.next()).answer(origin(fresh));
    await first;
    await layer(other.service).call(httpRequest("http://a/"));
    expect(other.calls).toHaveLength(0);
    void cache()(other.service).call(httpRequest("http://a/"));
    expect(other.calls).toHaveLength(1);

    const store = memoryStore();
    const stored = cache({ store })(one.service).call(httpRequest("http://b/"));
    (await one.next()).answer(origin(fresh));
    await stored;
    await cache({ store })(other.service).call(httpRequest("http://b/"));
    expect(other.calls).toHaveLength(1);
  });

  test("describes its options, counts and store", async () => {
    const { ask, layered, clock } = bench();
    await ask({}, origin({ "cache-control": "max-age=1, stale-if-error=10", etag: '"1"' }));
    await ask();
    await clock.advance(2_000);
    await ask({}, origin({}, "", 503));
    await ask({}, origin({ "cache-control": "max-age=1", etag: '"1"' }, "", 304));
    expect(layered.describe()).toMatchObject({
      name: "cache",
      options: {
        shared: true,
        maxEntryBytes: 1_048_576,
        heuristicRatio: 0,
        revalidateTimeoutMs: 30_000,
        name: "pagoda",
      },
      state: { hits: 1, stale: 1, validated: 1, misses: 3, collapsed: 0, entries: 1 },
    });
  });

  test.each([
    [{ maxEntryBytes: -1 }, "cache: maxEntryBytes must be an integer of at least 0 (got -1)"],
    [{ heuristicRatio: 1.1 }, "cache: heuristicRatio must be a number from 0 to 1 (got 1.1)"],
    [
      { revalidateTimeoutMs: 0 },
      "cache: revalidateTimeoutMs must be a number above 0 and at most 2147483647 (got 0)",
    ],
    [{ name: "é" }, 'cache: name must be visible ASCII characters, or false (got "é")'],
    [{ name: "" }, 'cache: name must be visible ASCII characters, or false (got "")'],
  ])("rejects %j", (options, message) => {
    expect(() => cache(options)).toThrow(message);
  });

  test("a body longer than maxEntryBytes passes and is not stored, whatever its form", async () => {
    const long = "x".repeat(101);
    for (const body of [long, bodyFrom([long.slice(0, 60), long.slice(60)])]) {
      const { ask } = bench({ maxEntryBytes: 100 });
      expect((await ask({}, origin(fresh, body))).body).toBe(long);
      expect((await ask({}, origin(fresh, body === long ? long : bodyFrom([long])))).body).toBe(long);
    }
    const { ask } = bench({ maxEntryBytes: 100 });
    await ask({}, origin(fresh, bodyFrom([long.slice(0, 60), long.slice(60, 100)])));
    expect((await ask()).body).toBe(long.slice(0, 100));
  });

  test("a response that an inner layer made of an error is not stored", async () => {
    const { ask } = bench();
    const fault = { _tag: "Shed", origin: "local", retryable: true } as const;
    await ask({}, { ...text("busy", 200, fresh), fault });
    expect((await ask({}, origin(fresh))).body).toBe("content");
  });

  test("a body of another length than announced is not stored", async () => {
    for (const body of ["content", bodyFrom(["content"])]) {
      const { ask } = bench();
      await ask({}, origin({ ...fresh, "content-length": "8" }, body));
      await ask({}, origin(fresh));
    }
  });
});
