// The rules of RFC 9111, section by section. Each case stores a response, or not, and asks again later.
import { virtualClock } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";
import { type CacheOptions, memoryStore } from "@pagoda/cache";
import { type Asking, bench, date, type Fields, origin } from "./bench.ts";

const start = virtualClock().wallTime();
const ago = (seconds: number): string => date(start - seconds * 1_000);

interface Case {
  readonly options?: CacheOptions;
  readonly status?: number;
  /** Fields of the first request, and of the second one unless it has its own. */
  readonly first?: Fields;
  readonly second?: Fields;
  /** Seconds between them. */
  readonly after?: number;
}

/** Whether the second of two requests is answered without the origin. */
async function isReused(
  response: Fields,
  { options, status, first, second, after = 0 }: Case = {},
): Promise<boolean> {
  const { ask, clock, mock, layered, request } = bench(options);
  await ask({ headers: first ?? {} }, origin(response, "first", status));
  await clock.advance(after * 1_000);
  const result = layered.call(request({ headers: second ?? first ?? {} }));
  await Promise.race([
    result,
    mock.next().then(
      (call) => call.answer(origin({}, "second")),
      () => {},
    ),
  ]);
  await result;
  return mock.calls.length === 1;
}

const private_: Case = { options: { shared: false } };

describe("section 3: what is stored", () => {
  test.each<[string, boolean, Fields, Case?]>([
    ["an explicit lifetime", true, { "cache-control": "max-age=60" }],
    ["no lifetime and no validator", false, {}],
    ["no-store", false, { "cache-control": "no-store, max-age=60" }],
    ["no-store in another line, in capitals", false, { "cache-control": ["max-age=60", "No-Store"] }],
    ["private, shared cache", false, { "cache-control": "private, max-age=60" }],
    ["private, private cache", true, { "cache-control": "private, max-age=60" }, private_],
    ["private with fields counts as private", false, { "cache-control": 'private="x-user", max-age=60' }],
    [
      "a directive in quotes is a part of another",
      true,
      { "cache-control": 'max-age=60, ext="no-store, private"' },
    ],
    ["must-understand, known status", true, { "cache-control": "must-understand, no-store, max-age=60" }],
    [
      "must-understand, unknown status",
      false,
      { "cache-control": "must-understand, max-age=60" },
      { status: 299 },
    ],
    ["unknown status", true, { "cache-control": "max-age=60" }, { status: 299 }],
    ["a temporary redirect with a lifetime", true, { "cache-control": "max-age=60" }, { status: 302 }],
    ["an error with a lifetime", true, { "cache-control": "max-age=60" }, { status: 500 }],
    ["a part", false, { "cache-control": "max-age=60" }, { status: 206 }],
    ["Set-Cookie, shared cache", false, { "cache-control": "max-age=60", "set-cookie": "a=1" }],
    ["Set-Cookie, private cache", true, { "cache-control": "max-age=60", "set-cookie": "a=1" }, private_],
    ["Vary: *", false, { "cache-control": "max-age=60", vary: "accept, *" }],
    [
      "no-store in the request",
      false,
      { "cache-control": "max-age=60" },
      { first: { "cache-control": "no-store" }, second: {} },
    ],
  ])("%s: %s", async (_, isStored, response, how) => {
    expect(await isReused(response, how)).toBe(isStored);
  });

  test.each([
    ["max-age=60", false],
    ["max-age=60, public", true],
    ["max-age=60, must-revalidate", true],
    ["max-age=60, s-maxage=60", true],
  ])("section 3.5: the response to Authorization with %s, shared cache: %s", async (directives, isStored) => {
    const response = { "cache-control": directives };
    const first = { authorization: "Bearer t" };
    expect(await isReused(response, { first })).toBe(isStored);
    expect(await isReused(response, { ...private_, first })).toBe(true);
  });

  test("section 3.1: fields of a connection are not stored", async () => {
    const { ask } = bench();
    const own = { connection: "x-hop", "x-hop": "1", "keep-alive": "1", "proxy-authenticate": "Basic" };
    await ask({}, origin({ ...own, "cache-control": "max-age=60", "x-end": "1" }));
    const hit = await ask();
    for (const name of Object.keys(own)) expect(hit.fields(name)).toBeUndefined();
    expect(hit.fields("x-end")).toBe("1");
    expect(hit.fields("date")).toBe(date(start));
  });
});

describe("section 4.2: freshness", () => {
  test.each<[string, Fields, number, Case?]>([
    ["max-age", { "cache-control": "max-age=60" }, 60],
    ["quoted max-age", { "cache-control": 'max-age="60"' }, 60],
    ["max-age in capitals, with other directives", { "cache-control": "ext=1,  MAX-AGE=60 , x" }, 60],
    ["the first of two", { "cache-control": "max-age=60, max-age=90" }, 60],
    ["max-age before Expires", { "cache-control": "max-age=60", expires: date(start + 90_000) }, 60],
    ["s-maxage, shared cache", { "cache-control": "max-age=60, s-maxage=90" }, 90],
    ["s-maxage, private cache", { "cache-control": "max-age=60, s-maxage=90" }, 60, private_],
    ["Expires", { expires: date(start + 60_000) }, 60],
    ["Expires, with Date", { expires: ago(-20), date: ago(40) }, 20],
    ["less the Age", { "cache-control": "max-age=60", age: "20" }, 40],
    ["less the apparent age", { "cache-control": "max-age=60", date: ago(20) }, 40],
    ["less the greater of both", { "cache-control": "max-age=60", date: ago(20), age: "30" }, 30],
    ["Age that is not a number", { "cache-control": "max-age=60", age: "x" }, 60],
    ["the first Age of several", { "cache-control": "max-age=60", age: "20, 30" }, 40],
    ["a Date ahead", { "cache-control": "max-age=60", date: ago(-30) }, 60],
    ["a number beyond all years", { "cache-control": `max-age=${"9".repeat(30)}` }, 2_147_483_648],
    ["heuristic", { "last-modified": ago(1_000) }, 100, { options: { heuristicRatio: 0.1 } }],
    ["heuristic, at most a day", { "last-modified": ago(1e8) }, 86_400, { options: { heuristicRatio: 0.1 } }],
    [
      "heuristic for another status, if public",
      { "last-modified": ago(1_000), "cache-control": "public" },
      100,
      { options: { heuristicRatio: 0.1 }, status: 299 },
    ],
  ])("%s", async (_, response, seconds, how = {}) => {
    expect(await isReused(response, { ...how, after: seconds - 1 })).toBe(true);
    expect(await isReused(response, { ...how, after: seconds })).toBe(false);
  });

  test.each<Fields>([
    { "cache-control": "max-age=0" },
    { "cache-control": "max-age=-1" },
    { "cache-control": "max-age=1.5" },
    { "cache-control": "max-age=x", expires: date(start + 60_000) },
    { "cache-control": "max-age" },
    { expires: "0" },
    { expires: "-1" },
    { expires: ago(0) },
    { expires: ago(40), date: ago(100) },
    { expires: "in an hour" },
    { "last-modified": ago(1_000) },
  ])("%j is stale at once", async (response) => {
    expect(await isReused({ etag: '"1"', ...response })).toBe(false);
  });

  test("the time that the response took counts as age", async () => {
    const { mock, layered, request, clock, ask } = bench();
    const result = layered.call(request({}));
    const call = await mock.next();
    await clock.advance(7_000);
    call.answer(origin({ "cache-control": "max-age=60", age: "3" }));
    await result;
    await clock.advance(1_000);
    expect((await ask()).fields("age")).toBe("11");
  });

  test("a wall clock that is set back does not make responses younger", async () => {
    const { ask, clock } = bench();
    await ask({}, origin({ "cache-control": "max-age=60", age: "5" }));
    clock.jumpWallTime(-3_600_000);
    expect((await ask()).fields("age")).toBe("5");
  });
});

describe("section 4.1: Vary", () => {
  test.each<[string, boolean, Fields, Fields, string]>([
    ["the same value", true, { accept: "text/html" }, { accept: "text/html" }, "Accept"],
    ["another value", false, { accept: "text/html" }, { accept: "text/plain" }, "Accept"],
    ["no value", false, { accept: "text/html" }, {}, "Accept"],
    ["twice no value", true, {}, {}, "Accept"],
    ["an empty value is not none", false, { "x-a": "" }, {}, "x-a"],
    ["case and white space", true, { accept: "text/HTML,a/b" }, { accept: "text/html ,  A/B" }, "accept"],
    ["two lines", true, { "x-a": ["1", "2"] }, { "x-a": "1, 2" }, "X-A"],
    [
      "the order of codings",
      true,
      { "accept-encoding": "gzip, br" },
      { "accept-encoding": "br,gzip" },
      "accept-encoding",
    ],
    [
      "the order of languages",
      false,
      { "accept-language": "de, fr" },
      { "accept-language": "fr, de" },
      "accept-language",
    ],
    ["case of other fields", false, { "x-a": "a" }, { "x-a": "A" }, "x-a"],
    ["white space in quotes", false, { "x-a": '"a,b"' }, { "x-a": '"a, b"' }, "x-a"],
    ["one of two fields", false, { a: "1", b: "1" }, { a: "1", b: "2" }, "a, b"],
    ["a field that is not named", true, { a: "1", b: "1" }, { a: "1", b: "2" }, "a"],
  ])("%s: %s", async (_, isSame, first, second, vary) => {
    expect(await isReused({ "cache-control": "max-age=60", vary }, { first, second })).toBe(isSame);
  });

  test("several variants are kept, the newest of those that match is used", async () => {
    const { ask } = bench();
    const vary = { "cache-control": "max-age=60", vary: "accept-language" };
    const language = (value: string): Asking => ({ headers: { "accept-language": value } });
    await ask(language("de"), origin(vary, "hallo"));
    expect((await ask(language("fr"), origin(vary, "salut"))).how).toBe("fwd=vary-miss; stored");
    expect([(await ask(language("de"))).body, (await ask(language("fr"))).body]).toEqual(["hallo", "salut"]);
    await ask(
      { headers: { "cache-control": "no-cache", "accept-language": "de" } },
      origin(vary, "guten Tag"),
    );
    expect([(await ask(language("de"))).body, (await ask(language("fr"))).body]).toEqual([
      "guten Tag",
      "salut",
    ]);
  });

  test("at most 32 variants of a URI are kept", async () => {
    const { ask } = bench();
    const vary = { "cache-control": "max-age=60", vary: "x-n" };
    const number = (n: number): Asking => ({ headers: { "x-n": `${n}` } });
    for (let n = 0; n < 33; n++) await ask(number(n), origin(vary, `${n}`));
    expect((await ask(number(32))).body).toBe("32");
    expect((await ask(number(1))).body).toBe("1");
    expect((await ask(number(0), origin(vary, "again"))).body).toBe("again");
  });
});

describe("section 2: keys", () => {
  test.each<[string, boolean, string, string]>([
    ["case of the host", true, "http://shop.example/a", "http://SHOP.example/a"],
    ["the default port", true, "http://shop.example/a", "http://shop.example:80/a"],
    ["another port", false, "http://shop.example/a", "http://shop.example:81/a"],
    ["the other scheme's port", false, "http://shop.example/a", "http://shop.example:443/a"],
    ["the scheme", false, "http://shop.example/a", "https://shop.example/a"],
    ["the path", false, "http://shop.example/a", "http://shop.example/A"],
    ["the query", false, "http://shop.example/a?b", "http://shop.example/a?c"],
    ["an empty query", false, "http://shop.example/a", "http://shop.example/a/"],
  ])("%s: %s", async (_, isSame, first, second) => {
    const { ask, mock, layered, request } = bench();
    await ask({ url: first }, origin({ "cache-control": "max-age=60" }));
    // As it is written: a URL would drop the default port.
    const authority = second.split("/")[2] as string;
    void layered.call({ ...request({ url: second }), authority });
    expect(mock.calls.length === 1).toBe(isSame);
  });

  test("the path as it is sent counts, not its normal form", async () => {
    const { ask, mock, layered, request } = bench();
    await ask({}, origin({ "cache-control": "max-age=60" }));
    void layered.call({ ...request({}), written: { path: "/%6camp", of: "/lamp" } });
    expect(mock.calls).toHaveLength(2);
  });
});

describe("section 5.2.1: request directives", () => {
  const response = { "cache-control": "max-age=60" };

  test.each<[string, boolean, number, Fields?]>([
    ["no-cache", false, 0],
    ["max-age=10", true, 10],
    ["max-age=10", false, 11],
    ["max-age=0", true, 0],
    ["max-age=0", false, 1],
    ["min-fresh=20", true, 40],
    ["min-fresh=20", false, 41],
    ["max-stale", true, 1_000],
    ["max-stale=20", true, 80],
    ["max-stale=20", false, 81],
    ["max-stale=x", false, 61],
    ["max-age=70, max-stale", true, 65],
    ["max-age=70, max-stale", false, 75],
    ["max-stale", false, 61, { "cache-control": "max-age=60, must-revalidate" }],
    ["max-stale", false, 61, { "cache-control": "max-age=60, proxy-revalidate" }],
    ["max-stale", false, 61, { "cache-control": "s-maxage=60" }],
    ["max-stale", false, 61, { "cache-control": "max-age=60, no-cache" }],
  ])("%s: %s after %d s", async (directive, isServed, after, stored = response) => {
    const second = { "cache-control": directive };
    expect(await isReused(stored, { first: {}, second, after })).toBe(isServed);
  });

  test("proxy-revalidate does not bind a private cache", async () => {
    const stored = { "cache-control": "max-age=60, proxy-revalidate" };
    const how = { ...private_, first: {}, second: { "cache-control": "max-stale" }, after: 61 };
    expect(await isReused(stored, how)).toBe(true);
  });

  test("Pragma: no-cache counts without Cache-Control only", async () => {
    expect(await isReused(response, { first: {}, second: { pragma: "no-cache" } })).toBe(false);
    const both = { pragma: "no-cache", "cache-control": "max-age=5" };
    expect(await isReused(response, { first: {}, second: both })).toBe(true);
  });

  test("only-if-cached gets 504 instead of a call", async () => {
    const { ask } = bench();
    const headers = { "cache-control": "only-if-cached" };
    const missing = await ask({ headers });
    expect([missing.status, missing.how]).toEqual([504, "detail=only-if-cached"]);
    await ask({}, origin(response));
    expect((await ask({ headers })).body).toBe("content");
  });
});

describe("section 4.3: validation", () => {
  const tagged = { "cache-control": "max-age=10", etag: '"1"', "last-modified": ago(1_000), "x-a": "1" };

  test("by entity tag, which updates the stored response", async () => {
    const { ask, clock } = bench();
    await ask({}, origin({ ...tagged, "content-type": "text/plain" }));
    await clock.advance(10_000);
    const confirmed = origin(
      { "cache-control": "max-age=20", "x-a": "2", "content-length": "99", age: "3" },
      "",
      304,
    );
    const validated = await ask({ headers: { accept: "a" } }, confirmed);
    expect(validated.sent?.headers.get("if-none-match")).toBe('"1"');
    expect(validated.sent?.headers.has("if-modified-since")).toBe(false);
    expect(validated.sent?.headers.get("accept")).toBe("a");
    expect([validated.status, validated.body, validated.how]).toEqual([
      200,
      "content",
      "fwd=stale; fwd-status=304; ttl=17",
    ]);
    expect(validated.fields("x-a")).toBe("2");
    expect(validated.fields("content-type")).toBe("text/plain");
    expect([undefined, "7"]).toContain(validated.fields("content-length"));
    await clock.advance(16_000);
    expect((await ask()).fields("age")).toBe("19");
  });

  test("by date, without an entity tag", async () => {
    const { ask, clock } = bench();
    await ask({}, origin({ "cache-control": "max-age=10", "last-modified": ago(1_000) }));
    await clock.advance(10_000);
    const { sent } = await ask({}, origin({}, "", 304));
    expect(sent?.headers.get("if-modified-since")).toBe(ago(1_000));
  });

  test("a request with no-store does not renew the stored response", async () => {
    const { ask, clock } = bench();
    await ask({}, origin(tagged));
    await clock.advance(10_000);
    await ask({ headers: { "cache-control": "no-store" } }, origin(tagged, "", 304));
    expect((await ask({}, origin(tagged, "", 304))).how).toMatch(/^fwd=stale; fwd-status=304/);
  });

  test("a 304 may change Vary", async () => {
    const { ask, clock } = bench();
    const headers = { "x-a": "1" };
    await ask({ headers }, origin(tagged));
    await clock.advance(10_000);
    await ask({ headers }, origin({ ...tagged, vary: "x-a" }, "", 304));
    expect((await ask({ headers })).body).toBe("content");
    expect((await ask({ headers: { "x-a": "2" } }, origin({}, "other"))).body).toBe("other");
  });

  test("a full response replaces the stored one", async () => {
    const { ask, clock } = bench();
    await ask({}, origin(tagged));
    await clock.advance(10_000);
    expect((await ask({}, origin({ ...tagged, etag: '"2"' }, "new"))).how).toBe("fwd=stale; stored");
    expect((await ask()).body).toBe("new");
  });

  test("a full response that must not be stored removes the stored one", async () => {
    const { ask, clock } = bench();
    await ask({}, origin({ ...tagged, "cache-control": "max-age=10, stale-if-error=1000" }));
    await clock.advance(10_000);
    await ask({}, origin({ "cache-control": "no-store" }));
    expect((await ask({}, origin({}, "down", 503))).status).toBe(503);
  });

  test("a 304 about another response is not used: the request is made again", async () => {
    const { mock, layered, request, ask, clock } = bench();
    await ask({}, origin(tagged));
    await clock.advance(10_000);
    const result = layered.call(request({ headers: { "if-none-match": '"2"' } }));
    (await mock.next()).answer(origin({ etag: '"2"' }, "", 304));
    const again = await mock.next();
    expect(again.request.headers.has("if-none-match")).toBe(false);
    again.answer(origin({ ...tagged, etag: '"2"' }, "new"));
    await result;
    expect((await ask()).body).toBe("new");
  });

  test("a stale response without a validator is fetched anew", async () => {
    const { ask, clock } = bench();
    await ask({}, origin({ "cache-control": "max-age=10" }));
    await clock.advance(10_000);
    const { sent } = await ask({}, origin({}));
    expect([sent?.headers.has("if-none-match"), sent?.headers.has("if-modified-since")]).toEqual([
      false,
      false,
    ]);
  });

  test("a no-cache response without a validator is not stored", async () => {
    const { ask } = bench();
    expect((await ask({}, origin({ "cache-control": "max-age=60, no-cache" }))).how).toBe("fwd=uri-miss");
  });

  test("a private response in a store that a shared cache uses, too, stays private", async () => {
    const store = memoryStore();
    await bench({ store, shared: false }).ask({}, origin({ "cache-control": "private, max-age=60" }));
    expect((await bench({ store }).ask({}, origin({}, "other"))).body).toBe("other");
  });

  test("no-cache responses are validated each time", async () => {
    const { ask } = bench();
    await ask({}, origin({ "cache-control": "max-age=60, no-cache", etag: '"1"' }));
    expect((await ask({}, origin({}, "", 304))).body).toBe("content");
    await ask({}, origin({ "cache-control": 'max-age=60, no-cache="x-a"', etag: '"1"' }, "", 304));
    expect((await ask({}, origin({}, "", 304))).how).toMatch(/^fwd=stale; fwd-status=304/);
  });

  test.each<[string, Fields, number]>([
    ["the tag", { "if-none-match": '"1"' }, 304],
    ["the tag, weak", { "if-none-match": 'W/"1"' }, 304],
    ["a list with the tag", { "if-none-match": '"0,", "1"' }, 304],
    ["any tag", { "if-none-match": "*" }, 304],
    ["another tag", { "if-none-match": '"2"' }, 200],
    ["another tag, whatever the date", { "if-none-match": '"2"', "if-modified-since": ago(0) }, 200],
    ["the date", { "if-modified-since": ago(1_000) }, 304],
    ["a later date", { "if-modified-since": ago(999) }, 304],
    ["an earlier date", { "if-modified-since": ago(1_001) }, 200],
    ["no date", { "if-modified-since": "yesterday" }, 200],
  ])("answers a client that has %s", async (_, headers, status) => {
    const { ask, clock } = bench();
    await ask({}, origin({ ...tagged, "content-type": "text/plain" }));
    for (const method of ["GET", "HEAD"]) {
      const hit = await ask({ method, headers });
      expect([hit.status, hit.body]).toEqual([status, status === 200 && method === "GET" ? "content" : ""]);
      expect(hit.fields("etag")).toBe('"1"');
      expect(hit.fields("content-type")).toBe(status === 200 ? "text/plain" : undefined);
    }
    await clock.advance(10_000);
    // Validated with the cache's own condition, then answered by the client's.
    const validated = await ask({ headers }, origin({}, "", 304));
    expect([validated.status, validated.sent?.headers.all("if-none-match")]).toEqual([status, ['"1"']]);
  });

  test("conditions apply to successful responses only", async () => {
    const { ask } = bench();
    await ask({}, origin({ "cache-control": "max-age=60", etag: '"1"' }, "gone", 404));
    expect((await ask({ headers: { "if-none-match": '"1"' } })).status).toBe(404);
  });

  test("conditions of a client are forwarded on a miss, and a 304 is not stored", async () => {
    const { ask } = bench();
    const headers = { "if-none-match": '"1"' };
    const missed = await ask({ headers }, origin(tagged, "", 304));
    expect([missed.status, missed.sent?.headers.get("if-none-match")]).toEqual([304, '"1"']);
    await ask({}, origin(tagged));
    expect((await ask()).body).toBe("content");
  });
});

describe("section 4.3.5: HEAD", () => {
  const response = { "cache-control": "max-age=10", etag: '"1"' };

  test("is answered from the response to GET", async () => {
    const { ask } = bench();
    await ask({}, origin(response));
    const head = await ask({ method: "HEAD" });
    expect([head.status, head.body, head.fields("content-length"), head.fields("etag")]).toEqual([
      200,
      "",
      "7",
      '"1"',
    ]);
  });

  test("has the origin's Content-Length once", async () => {
    const { ask, layered, request } = bench();
    await ask({}, origin({ ...response, "content-length": "7" }));
    const head = await layered.call(request({ method: "HEAD" }));
    expect(head._tag === "Right" && head.right.headers.all("content-length")).toEqual(["7"]);
  });

  test("that sets a cookie does not update the stored response", async () => {
    const { ask, clock } = bench();
    await ask({}, origin(response));
    await clock.advance(10_000);
    await ask({ method: "HEAD" }, origin({ ...response, "set-cookie": "a=1" }, ""));
    expect((await ask({}, origin({}, "new"))).body).toBe("new");
  });

  test("is not stored", async () => {
    const { ask } = bench();
    await ask({ method: "HEAD" }, origin(response, ""));
    await ask({ method: "HEAD" }, origin(response, ""));
    await ask({}, origin(response));
  });

  test.each<[string, Fields, string]>([
    ["with the same tag renews the stored response", { etag: '"1"', "content-length": "7" }, "content"],
    ["with another tag removes it", { etag: '"2"' }, "new"],
    ["with another length removes it", { etag: '"1"', "content-length": "8" }, "new"],
  ])("%s", async (_, headers, body) => {
    const { ask, clock } = bench();
    await ask({}, origin(response));
    await clock.advance(10_000);
    await ask({ method: "HEAD" }, origin({ "cache-control": "max-age=10", ...headers }, ""));
    expect((await ask({}, body === "new" ? origin({}, "new") : undefined)).body).toBe(body);
  });
});

describe("section 4.4: invalidation", () => {
  const response = { "cache-control": "max-age=60" };
  const other = "http://shop.example/other";

  test.each([
    ["POST", 200, true],
    ["PUT", 204, true],
    ["DELETE", 404, false],
    ["PATCH", 303, true],
    ["PURGE", 200, true],
    ["POST", 500, false],
    ["OPTIONS", 200, false],
    ["TRACE", 200, false],
  ])("%s with status %d: %s", async (method, status, isInvalid) => {
    const { ask } = bench();
    await ask({}, origin(response));
    expect((await ask({ method }, origin({}, "", status))).how).toBe("fwd=method");
    expect((await ask({}, isInvalid ? origin({}, "new") : undefined)).body).toBe(
      isInvalid ? "new" : "content",
    );
  });

  test.each([
    ["location", "/other", true],
    ["content-location", other, true],
    ["location", "http://evil.example/other", false],
    ["location", "https://shop.example/other", false],
    ["location", "http://[", false],
  ])("of %s %s: %s", async (name, value, isInvalid) => {
    for (const url of [other, "http://evil.example/other", "https://shop.example/other"]) {
      const { ask } = bench();
      await ask({ url }, origin(response));
      await ask({ method: "POST" }, origin({ [name]: value }));
      const isGone = isInvalid && url === other;
      expect((await ask({ url }, isGone ? origin({}, "new") : undefined)).body).toBe(
        isGone ? "new" : "content",
      );
    }
  });

  test("an error of the origin invalidates nothing", async () => {
    const { ask, mock, layered, request } = bench();
    await ask({}, origin(response));
    const result = layered.call(request({ method: "POST" }));
    (await mock.next()).fail({ _tag: "Down", origin: "upstream", retryable: true });
    await result;
    expect((await ask()).body).toBe("content");
  });

  test("a response on its way when its URI changes is not stored, and nobody joins it", async () => {
    const { mock, layered, request, ask } = bench();
    const before = layered.call(request({}));
    const slow = await mock.next();
    await ask({ method: "PUT" }, origin({}, "", 204));
    const after = layered.call(request({}));
    (await mock.next()).answer(origin(response, "after"));
    await after;
    slow.answer(origin(response, "before"));
    await before;
    expect((await ask()).body).toBe("after");
  });
});

describe("passed by", () => {
  test.each(["range", "if-range", "if-match", "if-unmodified-since"])("requests with %s", async (name) => {
    const { ask } = bench();
    const headers = { [name]: "x" };
    const response = { "cache-control": "max-age=60" };
    expect((await ask({ headers }, origin(response))).how).toBe("fwd=bypass");
    await ask({}, origin(response));
    expect((await ask({ headers }, origin(response))).how).toBe("fwd=bypass");
  });

  test("requests with a body", async () => {
    const { mock, layered, request } = bench();
    for (const _ of [1, 2]) {
      const result = layered.call({ ...request({}), body: origin({}, "query").body });
      (await mock.next()).answer(origin({ "cache-control": "max-age=60" }));
      await result;
    }
    expect(mock.calls).toHaveLength(2);
  });
});
