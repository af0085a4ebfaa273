// A cache between real servers and a real client, and beside the layers that it is used with.
import { isRight, left, right, service, ServiceBuilder } from "@pagoda/core";
import { settled, virtualClock } from "@pagoda/core/testing";
import { cache } from "@pagoda/cache";
import { forwarded } from "@pagoda/forwarded";
import { followRedirects } from "@pagoda/follow-redirects";
import { bodyFrom, type HttpRequest, httpRequest, httpResponse, text } from "@pagoda/http";
import { type HttpServer, serve } from "@pagoda/http/server";
import { replay } from "@pagoda/replay";
import { respond } from "@pagoda/respond";
import { constant, retry } from "@pagoda/retry";
import { timeout } from "@pagoda/timeout";
import { transport } from "@pagoda/transport";
import { afterEach, describe, expect, test } from "vitest";

const fresh = { "cache-control": "max-age=3600" };
let closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.toReversed()) await close();
  closing = [];
});

async function served(stack: Parameters<typeof serve>[0]): Promise<HttpServer> {
  const server = await serve(stack);
  if (!isRight(server)) throw new Error(server.left.code);
  closing.push(() => server.right.close());
  return server.right;
}

/** A caching server in front of an origin; the paths that the origin received. */
async function cachingServer() {
  const received: string[] = [];
  const origin = await served(
    service("origin", async ({ method, path, headers, body }: HttpRequest) => {
      received.push(`${method} ${path}`);
      await body.bytes();
      if (headers.get("if-none-match") === '"1"') return right(httpResponse(304, undefined, { etag: '"1"' }));
      if (path === "/long") return right(httpResponse(200, bodyFrom(pieces()), fresh));
      if (path === "/tagged") return right(text("tagged", 200, { etag: '"1"', "cache-control": "no-cache" }));
      return right(text(`${received.length}`, 200, fresh));
    }),
  );
  const upstream = transport(origin.url);
  closing.push(() => upstream.close());
  const answers = { status: 502, message: "no answer" };
  const stack = new ServiceBuilder<HttpRequest>()
    .layer(forwarded())
    .layer(
      respond({
        Aborted: answers,
        ConnectFailed: answers,
        ConnectionBroken: answers,
        HeadersTimedOut: answers,
        PoolExhausted: answers,
        RequestInvalid: answers,
        UpgradeUnsupported: answers,
      }),
    )
    .layer(cache({ maxEntryBytes: 300_000 }))
    .service(upstream);
  return { url: (await served(stack)).url, received };
}

async function* pieces() {
  for (let n = 0; n < 20; n++) {
    await settled();
    yield Buffer.alloc(10_000, n);
  }
}

describe("a caching server", () => {
  test("answers many clients with one request to the origin, each completely", async () => {
    const { url, received } = await cachingServer();
    const bodies = await Promise.all(
      Array.from({ length: 20 }, async () => Buffer.from(await (await fetch(`${url}/long`)).arrayBuffer())),
    );
    expect(received).toEqual(["GET /long"]);
    for (const body of bodies) expect(body.equals(bodies[0] as Buffer)).toBe(true);
    expect(bodies[0]?.length).toBe(200_000);
    const again = await fetch(`${url}/long`);
    expect(again.headers.get("cache-status")).toMatch(/^pagoda; hit; ttl=/);
    expect(again.headers.get("content-length")).toBe("200000");
  });

  test("answers HEAD and conditional requests, and validates with the origin", async () => {
    const { url, received } = await cachingServer();
    await (await fetch(`${url}/tagged`)).text();
    const validated = await fetch(`${url}/tagged`);
    expect([validated.status, await validated.text()]).toEqual([200, "tagged"]);
    expect(validated.headers.get("cache-status")).toMatch(/^pagoda; fwd=stale; fwd-status=304/);
    const known = await fetch(`${url}/tagged`, { headers: { "if-none-match": '"1"' } });
    expect([known.status, await known.text()]).toEqual([304, ""]);
    expect(received).toEqual(["GET /tagged", "GET /tagged", "GET /tagged"]);
    await (await fetch(`${url}/a`)).text();
    const head = await fetch(`${url}/a`, { method: "HEAD" });
    expect([head.status, head.headers.get("content-length")]).toEqual([200, "1"]);
    expect(received).toHaveLength(4);
  });

  test("a write makes the next read fresh", async () => {
    const { url, received } = await cachingServer();
    expect(await (await fetch(`${url}/a`)).text()).toBe("1");
    await (await fetch(`${url}/a`, { method: "PUT", body: "new" })).text();
    expect(await (await fetch(`${url}/a`)).text()).toBe("3");
    expect(received).toEqual(["GET /a", "PUT /a", "GET /a"]);
  });
});

describe("placement", () => {
  test("outside retry: concurrent callers share the retries", async () => {
    const clock = virtualClock();
    let tries = 0;
    const flaky = service("flaky", async (_: HttpRequest) =>
      right(++tries < 3 ? httpResponse(503) : text("here", 200, fresh)),
    );
    const stack = new ServiceBuilder<HttpRequest>()
      .layer(cache({ clock }))
      .layer(replay())
      .layer(retry({ backoff: constant(10), clock }))
      .service(flaky);
    const results = [1, 2, 3].map(() => stack.call(httpRequest("http://shop.example/")));
    await clock.runAll();
    expect((await Promise.all(results)).every(isRight)).toBe(true);
    expect(tries).toBe(3);
  });

  test("inside a timeout: the limit of one caller does not end the call of another", async () => {
    const clock = virtualClock();
    let calls = 0;
    const slow = service(
      "slow",
      (_: HttpRequest) =>
        new Promise<ReturnType<typeof right<never, ReturnType<typeof text>>>>((resolve) => {
          calls++;
          clock.setTimer(100, () => resolve(right(text("here", 200, fresh))));
        }),
    );
    const cached = cache({ clock })(slow);
    const impatient = timeout({ ms: 50, clock })(cached).call(httpRequest("http://shop.example/"));
    const patient = timeout({ ms: 500, clock })(cached).call(httpRequest("http://shop.example/"));
    await clock.advance(100);
    expect(await impatient).toMatchObject(left({ _tag: "TimedOut" }));
    expect(isRight(await patient)).toBe(true);
    expect(calls).toBe(1);
  });

  test("inside follow-redirects each response is stored; outside, the last one", async () => {
    const paths: string[] = [];
    const moving = service("moving", async ({ path }: HttpRequest) => {
      paths.push(path);
      return right(
        path === "/a" ? httpResponse(301, undefined, { ...fresh, location: "/b" }) : text("b", 200, fresh),
      );
    });
    const inside = new ServiceBuilder<HttpRequest>().layer(followRedirects()).layer(cache()).service(moving);
    const outside = new ServiceBuilder<HttpRequest>().layer(cache()).layer(followRedirects()).service(moving);
    const ask = async (stack: typeof inside | typeof outside, path: string) => {
      const before = paths.length;
      await stack.call(httpRequest(`http://shop.example${path}`));
      return paths.slice(before);
    };
    expect([await ask(inside, "/a"), await ask(inside, "/a"), await ask(inside, "/b")]).toEqual([
      ["/a", "/b"],
      [],
      [],
    ]);
    expect([await ask(outside, "/a"), await ask(outside, "/a"), await ask(outside, "/b")]).toEqual([
      ["/a", "/b"],
      [],
      ["/b"],
    ]);
  });
});
