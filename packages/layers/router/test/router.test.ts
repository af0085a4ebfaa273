import { mockService, seededRandom } from "@pagoda/core/testing";
import {
  callNotes,
  HttpHeaders,
  type HttpRequest,
  type HttpResponse,
  httpResponse,
  pathToSend,
} from "@pagoda/http";
import { conformance } from "@pagoda/http/testing";
import { left, right } from "@pagoda/core";
import { describe, expect, test } from "vitest";
import { type Route, router, routeTable } from "@pagoda/router";
import { base, bench } from "./bench.ts";

const shop = { name: "shop", cluster: "shop", policy: { timeoutMs: 500 } };

describe("router", () => {
  const gone = { name: "gone", match: { path: { exact: "/gone" } }, respond: { status: 410 } } as const;
  conformance(
    test,
    ({ random }) => router([{ ...shop, match: { path: { exact: "/" } } }, gone], { random }),
    {
      request: () => base,
      response: () => httpResponse(200),
      refused: () => ({ ...base, path: "/nowhere" }),
      answered: () => ({ ...base, path: "/gone" }),
    },
  );

  test("passes route, cluster and policy to inner layers", async () => {
    const { sent } = bench([shop]);
    const first = await sent({});
    expect(first.route).toEqual({ name: "shop", cluster: "shop", policy: { timeoutMs: 500 } });
    expect((await sent({})).route).toBe(first.route);
  });

  test("writes route and cluster into the notes", async () => {
    const { sent, call } = bench([
      shop,
      { name: "no", match: { path: { exact: "/no" } }, respond: { status: 404 } },
    ]);
    const [sentOn, answered] = [callNotes(), callNotes()];
    await sent({ notes: sentOn });
    await call({ notes: answered, path: "/no" });
    expect(sentOn).toMatchObject({ route: "shop", cluster: "shop" });
    expect(answered).toMatchObject({ route: "no", cluster: undefined });
  });

  test("sends what was matched", async () => {
    const { sent } = bench([{ ...shop, match: { path: { prefix: "/admin" } } }]);
    expect((await sent({ path: "/x/../%61dmin/../admin/%2e/y%2fz" })).path).toBe("/admin/y%2Fz");
  });

  test.each<[string, Partial<Route>, string, string]>([
    ["alone", {}, "/%7Eann/a%2fb", "/%7Eann/a%2fb"],
    ["with dot segments", {}, "/x/../%7Eann/a%2fb", "/%7Eann/a%2fb"],
    ["with a prefix", { rewrite: { prefix: "/new" } }, "/old/%7Eann/a%2fb", "/new/%7Eann/a%2fb"],
    ["with a written prefix", { rewrite: { prefix: "/" } }, "/%6f%6Cd/%7Eann", "/%7Eann"],
    ["with a host", { rewrite: { host: "a.example" } }, "/old/%7Eann", "/old/%7Eann"],
    [
      "with a pattern that does not match",
      { rewrite: { regex: { pattern: "/x", substitution: "/y" } } },
      "/%7Eann",
      "/%7Eann",
    ],
    [
      "with a pattern that matches",
      { rewrite: { regex: { pattern: "/o(.*)", substitution: "/u$1" } } },
      "/o%7Eann",
      "/u~ann",
    ],
    ["with a path", { rewrite: { path: "/new" } }, "/%7Eann", "/new"],
  ])("sends the client's own bytes: %s", async (_, fields, path, written) => {
    const match = fields.rewrite?.prefix === undefined ? {} : { match: { path: { prefix: "/old" } } };
    const { sent } = bench([{ ...shop, ...match, ...fields } as Route]);
    const inner = await sent({ path });
    expect(pathToSend(inner)).toBe(written);
    expect(inner.path).toBe(routeTable([]).pathOf(written));
  });

  test("a redirect keeps the client's own bytes", async () => {
    const { call } = bench([
      {
        name: "old",
        match: { path: { prefix: "/old" } },
        redirect: { host: "a.example", prefix: "/new" },
      },
      { name: "https", redirect: { scheme: "https" } },
    ]);
    const location = async (path: string): Promise<string | undefined> => {
      const result = await call({ path, query: "?s=%7e" });
      return result._tag === "Right" ? result.right.headers.get("location") : undefined;
    };
    expect(await location("/%7Eann/a%2fb")).toBe("https://shop.example/%7Eann/a%2fb?s=%7e");
    expect(await location("/old/%7Eann")).toBe("http://a.example/new/%7Eann?s=%7e");
  });

  test("an inner layer can change the path", async () => {
    const { sent } = bench([shop]);
    const inner = await sent({ path: "/%7Eann" });
    expect(pathToSend({ ...inner, path: "/other" })).toBe("/other");
  });

  test("sends the normal form with rfc3986", async () => {
    const { sent } = bench([shop], { normalize: "rfc3986" });
    expect(pathToSend(await sent({ path: "/%7eann/a%2fb" }))).toBe("/~ann/a%2Fb");
  });

  test("matches and sends the client's bytes with normalize off", async () => {
    const { sent } = bench([{ ...shop, match: { path: { prefix: "/%7eann" } } }], { normalize: "off" });
    const inner = await sent({ path: "/%7eann/../b" });
    expect([inner.path, pathToSend(inner)]).toEqual(["/%7eann/../b", "/%7eann/../b"]);
  });

  test("refuses an ambiguous path", async () => {
    const { call, mock } = bench([shop]);
    const refused = { _tag: "PathRefused", origin: "local", retryable: false, reason: "above-root" };
    expect(await call({ path: "/a/../../b" })).toEqual(left(refused));
    await mock.expectNoCall();
  });

  test("fails with NoRoute and the methods that would be routed", async () => {
    const path = { prefix: "/cart" };
    const gold = [{ name: "x-tier", exact: "gold" }] as const;
    const { call, mock } = bench([
      { name: "read", match: { path, methods: ["HEAD", "GET"] }, cluster: "a" },
      { name: "write", match: { path: { regex: "/cart/\\d+" }, methods: ["PUT"] }, cluster: "a" },
      {
        name: "all",
        match: { path: { exact: "/cart/7" }, methods: ["DELETE"], hosts: ["shop.example"] },
        cluster: "a",
      },
      { name: "gold", match: { path, methods: ["PATCH"], headers: gold }, cluster: "a" },
      { name: "else", match: { path, methods: ["TRACE"], hosts: ["other.example"] }, cluster: "a" },
      { name: "star", match: { methods: ["OPTIONS"], query: [{ name: "q", present: true }] }, cluster: "a" },
    ]);
    const none = { _tag: "NoRoute", origin: "local", retryable: false, authority: "shop.example" };
    const post = (path: string) => call({ method: "POST", path });
    expect(await post("/cart/7")).toEqual(
      left({ ...none, path: "/cart/7", allow: ["DELETE", "GET", "HEAD", "PUT"] }),
    );
    expect(await post("/cart/x")).toEqual(left({ ...none, path: "/cart/x", allow: ["GET", "HEAD"] }));
    expect(await post("/./x")).toEqual(left({ ...none, path: "/x" }));
    expect(await call({ path: "*", query: "?q" })).toEqual(left({ ...none, path: "*", allow: ["OPTIONS"] }));
    await mock.expectNoCall();
  });

  test("responds directly", async () => {
    const respond = { status: 503, body: "closed", headers: { "retry-after": "60" } };
    const { call, mock } = bench([
      { name: "closed", respond, responseHeaders: { add: { "x-by": "pagoda" } } },
    ]);
    for (let n = 0; n < 2; n++) {
      const result = await call({});
      if (result._tag === "Left") throw new Error(result.left._tag);
      expect([...result.right.headers]).toEqual([
        ["retry-after", "60"],
        ["x-by", "pagoda"],
      ]);
      expect([result.right.status, await result.right.body.text()]).toEqual([503, right("closed")]);
    }
    await mock.expectNoCall();
  });

  test("follows the weights of a split within 1%", async () => {
    const clusters = [
      { cluster: "a", weight: 90 },
      { cluster: "b", weight: 9 },
      { cluster: "c", weight: 1 },
    ];
    const calls = 100_000;
    const counts: Record<string, number> = {};
    const layered = router([{ name: "split", clusters }], { random: seededRandom(7) })({
      ready: () => undefined,
      describe: () => ({ name: "leaf" }),
      call: (request) => {
        counts[request.route.cluster] = (counts[request.route.cluster] ?? 0) + 1;
        return Promise.resolve(right(httpResponse(200)));
      },
    });
    for (let n = 0; n < calls; n++) await layered.call(base);
    for (const { cluster, weight } of clusters)
      expect(Math.abs((counts[cluster] ?? 0) / calls - weight / 100)).toBeLessThan(0.01);
  });

  test.each([
    [0, "a"],
    [0.2499, "a"],
    [0.25, "b"],
    [0.9999, "b"],
  ])("with random %d selects %s of weights 1 and 3", async (chance, cluster) => {
    const clusters = [
      { cluster: "a", weight: 0.5 },
      { cluster: "b", weight: 1.5 },
    ];
    const { sent } = bench([{ name: "split", clusters }], { random: () => chance });
    expect((await sent({})).route.cluster).toBe(cluster);
  });

  test("edits request and response fields: remove, then set, then add", async () => {
    const edits = { remove: ["x-a"], set: { "x-b": "new" }, add: { "x-a": "added", "x-c": "1" } };
    const { mock, call } = bench([{ ...shop, requestHeaders: edits, responseHeaders: edits }]);
    const headers = HttpHeaders.of({ "X-A": "old", "X-B": ["old", "older"], "x-c": "0" });
    const result = call({ headers });
    const inner = await mock.next();
    const wanted = [
      ["x-b", "new"],
      ["x-c", "0"],
      ["x-a", "added"],
      ["x-c", "1"],
    ];
    expect([...inner.request.headers]).toEqual(wanted);
    inner.answer(httpResponse(201, undefined, headers));
    const settled = await result;
    expect(settled._tag === "Right" && [settled.right.status, [...settled.right.headers]]).toEqual([
      201,
      wanted,
    ]);
  });

  test("passes errors with response edits", async () => {
    const { mock, call } = bench([{ ...shop, responseHeaders: { remove: ["server"] } }]);
    const result = call({});
    const down = { _tag: "Down", origin: "upstream", retryable: true } as const;
    (await mock.next()).fail(down);
    expect(await result).toEqual(left(down));
  });

  test("returns inner's own promise without response edits", () => {
    const promise = Promise.resolve(right(httpResponse(200)));
    const inner = { ready: () => undefined, describe: () => ({ name: "leaf" }), call: () => promise };
    expect(router([shop])(inner).call(base)).toBe(promise);
  });

  test("accepts a table, but then no path options", async () => {
    const mock = mockService<HttpRequest, HttpResponse>();
    const table = routeTable([shop], { mergeSlashes: true });
    void router(table)(mock.service).call({ ...base, path: "//a" });
    expect((await mock.next()).request.path).toBe("/a");
    expect(() => router(table, { mergeSlashes: false })).toThrow(
      "router: mergeSlashes must be given to routeTable where there is a table (got false)",
    );
  });

  test("describes path options and routes", () => {
    const { layered } = bench([shop], { backslashes: "slash" });
    expect(layered.describe()).toMatchObject({
      name: "router",
      options: { routes: ["shop"], mergeSlashes: false, escapedSlashes: "keep", backslashes: "slash" },
    });
  });
});
