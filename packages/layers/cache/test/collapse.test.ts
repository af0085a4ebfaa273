// Concurrent requests for one key.
import { deadlineOf, left, Scope } from "@pagoda/core";
import { settled } from "@pagoda/core/testing";
import { type BodyFlow, type HttpRequest, type HttpResponse, PushBody } from "@pagoda/http";
import { describe, expect, test } from "vitest";
import { type Asking, bench, down, type Fields, got, origin } from "./bench.ts";

const fresh = { "cache-control": "max-age=60" };

/** A body that the test feeds. */
class Fed extends PushBody {
  length: number | undefined = undefined;
  stopped = false;
  paused = false;

  give(text: string): boolean {
    this.paused = !this.push(Buffer.from(text));
    return !this.paused;
  }

  all(): void {
    this.finish();
  }

  breaks(): void {
    this.broken({ _tag: "BodyBroken", origin: "upstream", retryable: false });
  }

  protected goOn(): void {
    this.paused = false;
  }

  protected stop(): void {
    this.stopped = true;
  }
}

/** Several calls at once. */
function calls(on: ReturnType<typeof bench>, ...askings: readonly Asking[]) {
  const controllers = askings.map(() => new AbortController());
  const results = askings.map((asking, index) =>
    on.layered.call(on.request(asking), controllers[index]?.signal),
  );
  return { results, controllers };
}

async function response(result: Promise<unknown>): Promise<HttpResponse> {
  const settledAs = (await result) as { readonly right?: HttpResponse };
  if (settledAs.right === undefined) throw new Error("the call failed");
  return settledAs.right;
}

async function contents(results: readonly Promise<unknown>[]): Promise<string[]> {
  return Promise.all(results.map(async (result) => (await got(await response(result))).body));
}

describe("concurrent misses", () => {
  test.each([
    ["whole", () => "content"],
    [
      "streaming",
      () => {
        const body = new Fed();
        setImmediate(() => {
          body.give("con");
          body.give("tent");
          body.all();
        });
        return body;
      },
    ],
  ])("share one call with a %s body", async (_, makeBody) => {
    const on = bench();
    const { results } = calls(on, {}, {}, {});
    (await on.mock.next()).answer(origin(fresh, makeBody()));
    const all = await Promise.all(results.map(async (result) => got(await response(result))));
    expect(all.map(({ body }) => body)).toEqual(["content", "content", "content"]);
    expect(all.map(({ how }) => how)).toEqual([
      "fwd=uri-miss; stored",
      "fwd=uri-miss; collapsed",
      "fwd=uri-miss; collapsed",
    ]);
    await on.mock.expectNoCall();
    expect((await on.ask()).body).toBe("content");
    expect(on.layered.describe().state).toMatchObject({ misses: 1, collapsed: 2, hits: 1 });
  });

  test("a request during the body joins, from the first byte", async () => {
    const on = bench();
    const body = new Fed();
    const first = calls(on, {});
    (await on.mock.next()).answer(origin(fresh, body));
    const reading = contents(first.results);
    await settled();
    body.give("con");
    const late = contents(calls(on, {}).results);
    await settled();
    body.give("tent");
    body.all();
    expect([await reading, await late]).toEqual([["content"], ["content"]]);
    await on.mock.expectNoCall();
  });

  test("are answered while the body streams, not after it", async () => {
    const on = bench();
    const body = new Fed();
    const { results } = calls(on, {}, {});
    (await on.mock.next()).answer(origin(fresh, body));
    const received: string[][] = [[], []];
    for (const [index, result] of results.entries())
      (await response(result)).body.pipe({
        write: (chunk) => (received[index]?.push(Buffer.from(chunk).toString()) ?? 0) > 0,
        end: () => received[index]?.push("end"),
        fail: () => {},
      });
    body.give("con");
    expect(received).toEqual([["con"], ["con"]]);
    body.all();
    expect(received).toEqual([
      ["con", "end"],
      ["con", "end"],
    ]);
  });

  test("another URI, or another variant once that is known, is another call", async () => {
    const on = bench();
    const { results } = calls(on, {}, { url: "http://shop.example/chair" });
    (await on.mock.next()).answer(origin(fresh, "lamp"));
    (await on.mock.next()).answer(origin(fresh, "chair"));
    expect(await contents(results)).toEqual(["lamp", "chair"]);

    const varied = bench();
    const languages = ["de", "fr", "de", "fr"].map((value) => ({ headers: { "accept-language": value } }));
    const several = calls(varied, ...languages);
    const answer = (call: { readonly request: HttpRequest; answer(with_: HttpResponse): void }): void =>
      call.answer(
        origin({ ...fresh, vary: "accept-language" }, call.request.headers.get("accept-language") ?? ""),
      );
    answer(await varied.mock.next());
    await settled();
    for (const call of varied.mock.calls.slice(1)) answer(call);
    expect(await contents(several.results)).toEqual(["de", "fr", "de", "fr"]);
  });

  test.each<[string, Fields]>([
    ["private", { "cache-control": "private, max-age=60" }],
    ["stale at once", { "cache-control": "max-age=0", etag: '"1"' }],
  ])("a %s response is for one caller: the others call, all at once", async (_, headers) => {
    const on = bench();
    const { results } = calls(on, {}, {}, {});
    (await on.mock.next()).answer(origin(headers, "0"));
    await settled();
    expect(on.mock.calls).toHaveLength(3);
    for (const [index, call] of on.mock.calls.entries()) call.answer(origin(headers, `${index}`));
    expect(await contents(results)).toEqual(["0", "1", "2"]);
  });

  test("requests for what was not cacheable do not wait for each other for ten seconds", async () => {
    const on = bench();
    await on.ask({}, origin({ "cache-control": "private" }));
    for (const [afterMs, count] of [
      [0, 2],
      [9_999, 2],
      [1, 1],
    ] as const) {
      await on.clock.advance(afterMs);
      const before = on.mock.calls.length;
      const { results, controllers } = calls(on, {}, {});
      await settled();
      expect(on.mock.calls.length - before).toBe(count);
      for (const controller of controllers) controller.abort();
      await Promise.all(results);
    }
  });

  test.each([
    [{ headers: { "cache-control": "no-cache" } }],
    [{ headers: { "cache-control": "no-store" } }],
    [{ headers: { "if-none-match": '"1"' } }],
    [{ method: "HEAD" }],
  ])("%j makes its own call", async (asking) => {
    const on = bench();
    calls(on, {}, asking, asking);
    await settled();
    expect(on.mock.calls).toHaveLength(3);
  });

  test("share a failure", async () => {
    const on = bench();
    const { results } = calls(on, {}, {});
    (await on.mock.next()).fail(down);
    expect(await Promise.all(results)).toEqual([left(down), left(down)]);
    await on.mock.expectNoCall();
  });

  test("share a validation, and a stale response in place of an error", async () => {
    for (const [answer, how] of [
      [origin({ ...fresh }, "", 304), "fwd=stale; fwd-status=304; ttl=60"],
      [origin({}, "", 503), "fwd=stale; fwd-status=503; ttl=-5"],
    ] as const) {
      const on = bench();
      await on.ask({}, origin({ "cache-control": "max-age=10, stale-if-error=60", etag: '"1"' }));
      await on.clock.advance(15_000);
      const { results } = calls(on, {}, {});
      (await on.mock.next()).answer(answer);
      const [leader, joined] = await Promise.all(results.map(async (result) => got(await response(result))));
      expect([leader?.body, joined?.body]).toEqual(["content", "content"]);
      expect(leader?.how).toContain(how);
      expect(joined?.how).toBe(`${how}; collapsed`);
      await on.mock.expectNoCall();
    }
  });

  test("a stale entry is validated once, although the origin failed before or a client was told 304", async () => {
    const on = bench();
    await on.ask({ headers: { "if-none-match": '"1"' } }, origin({}, "", 304));
    await on.ask({}, origin({ "cache-control": "max-age=10", etag: '"1"' }));
    await on.clock.advance(10_000);
    expect((await on.ask({}, origin({}, "", 500))).status).toBe(500);
    const { results } = calls(on, {}, {});
    const call = await on.mock.next();
    expect(call.request.headers.get("if-none-match")).toBe('"1"');
    call.answer(origin(fresh, "", 304));
    expect(await contents(results)).toEqual(["content", "content"]);
    await on.mock.expectNoCall();
  });

  test("what has become cacheable is shared again at once", async () => {
    const on = bench();
    await on.ask({}, origin({ "cache-control": "private" }));
    await on.ask({}, origin({ "cache-control": "max-age=1" }));
    await on.clock.advance(1_000);
    calls(on, {}, {});
    await settled();
    expect(on.mock.calls).toHaveLength(3);
  });

  test("a 304 that sets a cookie or forbids sharing answers one caller, and ends the entry", async () => {
    for (const headers of [{ "set-cookie": "a=1" }, { "cache-control": "private" }]) {
      const on = bench();
      await on.ask({}, origin({ "cache-control": "max-age=10", etag: '"1"' }));
      await on.clock.advance(10_000);
      const { results } = calls(on, {}, {});
      (await on.mock.next()).answer(origin(headers, "", 304));
      const first = await got(await response(results[0] as Promise<unknown>));
      expect([first.status, first.body, first.fields("set-cookie")]).toEqual([
        200,
        "content",
        "set-cookie" in headers ? "a=1" : undefined,
      ]);
      (await on.mock.next()).answer(origin({}, "own"));
      expect(await contents(results.slice(1))).toEqual(["own"]);
      expect((await on.ask({}, origin({}, "new"))).sent?.headers.has("if-none-match")).toBe(false);
    }
  });

  test("a joining request's own directives hold", async () => {
    const on = bench();
    const { results } = calls(on, {}, { headers: { "cache-control": "min-fresh=100" } });
    (await on.mock.next()).answer(origin(fresh, "0"));
    (await on.mock.next()).answer(origin(fresh, "1"));
    expect(await contents(results)).toEqual(["0", "1"]);
  });
});

describe("a caller that leaves", () => {
  test("before the response does not affect the others, even if the call was its own", async () => {
    const on = bench();
    const { results, controllers } = calls(on, {}, {});
    const call = await on.mock.next();
    controllers[0]?.abort();
    expect(await results[0]).toMatchObject({ left: { _tag: "Aborted" } });
    expect(call.signal?.aborted).toBe(false);
    call.answer(origin(fresh));
    expect(await contents(results.slice(1))).toEqual(["content"]);
    expect((await on.ask()).body).toBe("content");
  });

  test("takes a response with it that only it could have used", async () => {
    const on = bench();
    const { results, controllers } = calls(on, {}, {});
    const call = await on.mock.next();
    controllers[0]?.abort();
    const body = new Fed();
    call.answer(origin({ "cache-control": "private" }, body));
    (await on.mock.next()).answer(origin({}, "own"));
    expect(await contents(results.slice(1))).toEqual(["own"]);
    expect(body.stopped).toBe(true);
  });

  test("with a caller that the response does not suit leaves the rest to the others", async () => {
    const on = bench();
    const languages = ["de", "fr", "de"].map((value) => ({ headers: { "accept-language": value } }));
    const { results, controllers } = calls(on, ...languages);
    const call = await on.mock.next();
    controllers[0]?.abort();
    const body = new Fed();
    call.answer(origin({ ...fresh, vary: "accept-language" }, body));
    const reading = contents(results.slice(2));
    await settled();
    body.give("hallo");
    body.all();
    expect(await reading).toEqual(["hallo"]);
  });

  test("as the last one aborts the call, and the next request makes another", async () => {
    const on = bench();
    const { results, controllers } = calls(on, {}, {});
    const call = await on.mock.next();
    for (const controller of controllers) controller.abort();
    expect(call.signal?.aborted).toBe(true);
    await Promise.all(results);
    expect((await on.ask({}, origin(fresh))).body).toBe("content");
  });

  test("during the body leaves it to the others", async () => {
    const on = bench();
    const body = new Fed();
    const { results } = calls(on, {}, {});
    (await on.mock.next()).answer(origin(fresh, body));
    const [first, second] = await Promise.all(results.map(response));
    const flow = first?.body.pipe({ write: () => true, end: () => {}, fail: () => {} });
    body.give("con");
    flow?.cancel();
    const rest = second?.body.text();
    body.give("tent");
    body.all();
    expect(await rest).toMatchObject({ right: "content" });
    await settled();
    expect((await on.ask()).body).toBe("content");
  });

  test.each([
    ["read part of it", true],
    ["read nothing of it", false],
  ])("as the last one cancels a body, having %s: nothing is stored", async (_, reads) => {
    const on = bench();
    const body = new Fed();
    const { results } = calls(on, {}, {});
    (await on.mock.next()).answer(origin(fresh, body));
    const all = await Promise.all(results.map(response));
    if (reads) all[0]?.body.pipe({ write: () => true, end: () => {}, fail: () => {} });
    body.give("con");
    for (const each of all) {
      expect(body.stopped).toBe(false);
      each.body.cancel();
    }
    expect(body.stopped).toBe(true);
    expect((await on.ask({}, origin(fresh, "again"))).body).toBe("again");
  });

  test("whose signal is already aborted gets Aborted", async () => {
    const on = bench();
    expect(await on.layered.call(on.request({}), AbortSignal.abort())).toMatchObject({
      left: { _tag: "Aborted" },
    });
    await on.mock.expectNoCall();
  });

  test("the deadline of a shared call is the latest of its callers", async () => {
    const on = bench();
    const scopes = [10, 30].map((deadline) => Object.assign(new Scope(undefined), { deadline }));
    for (const { signal } of scopes) void on.layered.call(on.request({}), signal);
    expect(deadlineOf((await on.mock.next()).signal)).toBe(30);
  });
});

describe("a body", () => {
  test("that exceeds the limit as soon as it is read reaches the callers that have not begun", async () => {
    const on = bench({ maxEntryBytes: 10 });
    const body = new Fed();
    body.give("12345678901");
    const { results } = calls(on, {}, {});
    const first = (results[0] as Promise<unknown>).then(async () =>
      (await response(results[0] as Promise<unknown>)).body.text(),
    );
    (await on.mock.next()).answer(origin(fresh, body));
    await settled();
    const second = (await response(results[1] as Promise<unknown>)).body.text();
    body.all();
    expect([await first, await second]).toMatchObject([{ right: "12345678901" }, { right: "12345678901" }]);
    expect(on.mock.calls).toHaveLength(1);
  });

  test("that a reader cancels while it begins is cancelled", async () => {
    const on = bench();
    const body = new Fed();
    body.give("con");
    const { results } = calls(on, {});
    (await on.mock.next()).answer(origin(fresh, body));
    const { body: read } = await response(results[0] as Promise<unknown>);
    read.pipe({ write: () => (read.cancel(), false), end: () => {}, fail: () => {} });
    expect(body.stopped).toBe(true);
  });

  test("over the limit continues when its slowest reader leaves", async () => {
    const on = bench({ maxEntryBytes: 10 });
    const body = new Fed();
    const { results } = calls(on, {}, {});
    (await on.mock.next()).answer(origin(fresh, body));
    const [fast, slow] = await Promise.all(results.map(response));
    const reading = fast?.body.text();
    body.give("x".repeat(100_000));
    expect(body.paused).toBe(true);
    slow?.body.cancel();
    expect(body.paused).toBe(false);
    body.all();
    expect((await reading)?._tag).toBe("Right");
  });

  test("that does not suit a caller is left by it", async () => {
    const on = bench();
    const body = new Fed();
    const languages = ["de", "fr"].map((value) => ({ headers: { "accept-language": value } }));
    const { results } = calls(on, ...languages);
    (await on.mock.next()).answer(origin({ ...fresh, vary: "accept-language" }, body));
    const first = await response(results[0] as Promise<unknown>);
    await settled();
    first.body.cancel();
    expect(body.stopped).toBe(true);
  });

  test("that breaks off reaches all readers as broken, and is not stored", async () => {
    const on = bench();
    const body = new Fed();
    const { results } = calls(on, {}, {});
    (await on.mock.next()).answer(origin(fresh, body));
    const reading = results.map(async (result) => (await response(result)).body.text());
    await settled();
    body.give("con");
    body.breaks();
    for (const each of reading) expect(await each).toMatchObject({ left: { _tag: "BodyBroken" } });
    expect((await on.ask({}, origin(fresh, "again"))).body).toBe("again");
  });

  test("whose announced length exceeds the limit is not shared", async () => {
    const on = bench({ maxEntryBytes: 10 });
    const body = Object.assign(new Fed(), { length: 11 });
    calls(on, {}, {});
    (await on.mock.next()).answer(origin(fresh, body));
    await settled();
    expect(on.mock.calls).toHaveLength(2);
  });

  test("over the limit reaches all readers in full, at the pace of the slowest, and nobody joins", async () => {
    const on = bench({ maxEntryBytes: 10 });
    const body = new Fed();
    const { results } = calls(on, {}, {});
    (await on.mock.next()).answer(origin(fresh, body));
    const [fast, slow] = await Promise.all(results.map(response));
    let received = 0;
    let blocked: BodyFlow | undefined;
    const reading = fast?.body.text({ maxBytes: Infinity });
    const slowEnded = new Promise<void>((resolve) => {
      blocked = slow?.body.pipe({
        write: (chunk) => {
          received += chunk.length;
          return received > 11;
        },
        end: () => resolve(),
        fail: () => {},
      });
    });
    const piece = "x".repeat(40_000);
    expect(body.give("12345678901")).toBe(true);
    expect(body.give(piece)).toBe(true);
    expect(body.give(piece)).toBe(false);
    expect(received).toBe(11);
    // The next ones do not wait for each other.
    calls(on, {}, {});
    await settled();
    expect(on.mock.calls).toHaveLength(3);
    // The slow reader pauses after the first piece only.
    blocked?.resume();
    expect(received).toBe(80_011);
    expect(body.paused).toBe(false);
    body.all();
    await slowEnded;
    expect(await reading).toMatchObject({ right: `12345678901${piece}${piece}` });
  });

  test("with trailers passes them on, and is stored without", async () => {
    const on = bench();
    class WithTrailers extends Fed {
      override all(): void {
        this.finish(origin({ "x-sum": "1" }).headers);
      }
    }
    const body = new WithTrailers();
    const { results } = calls(on, {});
    (await on.mock.next()).answer(origin(fresh, body));
    const trailers = new Promise((resolve) => {
      void response(results[0] as Promise<unknown>).then((each) => {
        each.body.observe((_complete, given) => resolve(given?.get("x-sum")));
        each.body.pipe({ write: () => true, end: () => {}, fail: () => {} });
      });
    });
    await settled();
    body.give("content");
    body.all();
    expect(await trailers).toBe("1");
    expect((await on.ask()).body).toBe("content");
  });

  test("that has arrived is taken in one piece", async () => {
    const on = bench();
    const body = new Fed();
    const { results } = calls(on, {}, {});
    (await on.mock.next()).answer(origin(fresh, body));
    const [first, second] = await Promise.all(results.map(response));
    const reading = first?.body.text();
    body.give("con");
    body.give("tent");
    expect([second?.body.isWhole, second?.body.take()]).toEqual([false, undefined]);
    body.all();
    expect(second?.body.isWhole).toBe(true);
    expect(Buffer.from(second?.body.take() ?? "").toString()).toBe("content");
    expect(second?.body.canRead).toBe(false);
    expect(await reading).toMatchObject({ right: "content" });
  });
});
