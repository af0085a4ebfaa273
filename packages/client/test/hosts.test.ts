import { client, type ClientOptions } from "@pagoda/client";
import { type Either, isLeft, right } from "@pagoda/core";
import { bodyFrom, type HttpResponse, httpResponse, text } from "@pagoda/http";
import { describe, expect, test } from "vitest";
import { down, scripted } from "./given.ts";

const a = "http://a.example";
const b = "http://b.example";
const c = "http://c.example";

function given(perHost: { idleMs?: number; maxHosts?: number } = {}) {
  const { api, clock, mock, connected, closed } = scripted({ perHost, retry: false });
  const ask = async (host: string, response: HttpResponse = text("ok")) => {
    const call = api.get(`${host}/`).text();
    (await mock.next()).answer(response);
    return call;
  };
  return { api, clock, mock, connected, closed, ask };
}

async function bodyOf(result: Either<unknown, HttpResponse>): Promise<unknown> {
  if (isLeft(result)) return result.left;
  const read = await result.right.body.text();
  return isLeft(read) ? read.left : read.right;
}

describe("hosts", () => {
  test("are connected once each, by scheme, name and port", async () => {
    const { ask, connected } = given();
    for (const host of [a, a, `${a}:80`, b, `${a}:81`, "https://a.example"]) await ask(host);
    expect(connected).toEqual([a, b, `${a}:81`, "https://a.example"]);
  });

  test("are dropped when they have been idle for long", async () => {
    const { ask, clock, closed, connected } = given({ idleMs: 100 });
    await ask(a);
    await clock.advance(50);
    await ask(b);
    await clock.advance(49);
    await ask(a);
    await clock.advance(50);
    expect(closed).toEqual([]);
    await clock.advance(1);
    expect(closed).toEqual([b]);
    await clock.advance(49);
    expect(closed).toEqual([b, a]);
    expect(clock.pending).toBe(0);
    await ask(a);
    expect(connected).toEqual([a, b, a]);
  });

  test("are kept for as long as a circuit can stay open by default", async () => {
    const { ask, clock, closed } = given();
    await ask(a);
    await clock.advance(299_999);
    expect(closed).toEqual([]);
    await clock.advance(1);
    expect(closed).toEqual([a]);
  });

  test("in use are kept", async () => {
    const { api, clock, mock, closed } = given({ idleMs: 100 });
    void api.get(`${a}/`, { timeoutMs: 5_000 }).text();
    await clock.advance(4_000);
    expect(closed).toEqual([]);
    (await mock.next()).answer(text("ok"));
    await clock.advance(100);
    expect(closed).toEqual([a]);
  });

  test("are in use until their last call has ended", async () => {
    const { api, clock, mock, closed } = given({ idleMs: 100 });
    void api.get(`${a}/1`).text();
    void api.get(`${a}/2`).text();
    const first = await mock.next();
    const second = await mock.next();
    first.answer(text("ok"));
    await clock.advance(1_000);
    expect(closed).toEqual([]);
    second.answer(text("ok"));
    await clock.advance(100);
    expect(closed).toEqual([a]);
  });

  test("are idle once a body has arrived, read or not", async () => {
    const { api, clock, mock, closed } = given({ idleMs: 100 });
    void api.get(`${a}/`).stream();
    (await mock.next()).answer(text("whole"));
    await clock.advance(100);
    expect(closed).toEqual([a]);
  });

  test("are in use until a body that streams has ended", async () => {
    const { api, clock, mock, closed } = given({ idleMs: 100 });
    const call = api.get(`${a}/`).stream();
    (await mock.next()).answer(httpResponse(200, bodyFrom(["a", "b"])));
    const result = await call;
    await clock.advance(1_000);
    expect(closed).toEqual([]);
    expect(await bodyOf(result)).toBe("ab");
    await clock.advance(100);
    expect(closed).toEqual([a]);
  });

  test("are idle after an error and after a defect", async () => {
    const { api, clock, mock, closed } = given({ idleMs: 100 });
    const failed = api.get(`${a}/`).text();
    (await mock.next()).fail(down);
    await failed;
    const broken = api.get(`${b}/`).text();
    (await mock.next()).reject(new Error("bug"));
    await expect(broken).rejects.toThrow("bug");
    await clock.advance(100);
    expect(closed).toEqual([a, b]);
  });

  test("beyond the maximum replace the one that has been idle for longest", async () => {
    const { ask, closed } = given({ maxHosts: 2 });
    await ask(a);
    await ask(b);
    await ask(a);
    await ask(c);
    expect(closed).toEqual([b]);
  });

  test("beyond the maximum are refused while all are in use", async () => {
    const { api, ask, clock, mock } = given({ maxHosts: 2 });
    void api.get(`${a}/`).text();
    void api.get(`${b}/`).text();
    const { answer } = await mock.next();
    expect(await api.get(`${c}/`).text()).toMatchObject({ left: { _tag: "TooManyHosts", maxHosts: 2 } });
    await mock.next();
    answer(text("done"));
    await clock.advance(0);
    expect(await ask(c)).toEqual(right("ok"));
  });

  test("are described as endpoints, with their state", async () => {
    const { api, ask } = given({ idleMs: 100, maxHosts: 7 });
    await ask(a);
    let node = api.describe();
    while (node.name !== "hosts" && node.inner?.[0]) node = node.inner[0];
    expect(node).toMatchObject({
      options: { idleMs: 100, maxHosts: 7 },
      state: { hosts: 1, idle: 1, evicted: 0 },
      inner: [{ name: "endpoint", options: { key: a }, state: { pending: 0 } }],
    });
  });

  test.each<[ClientOptions, string]>([
    [{ perHost: { idleMs: 0 } }, "client: perHost.idleMs must be a number above 0"],
    [{ perHost: { maxHosts: 0 } }, "client: perHost.maxHosts must be an integer of at least 1"],
    [{ perHost: false }, "client: baseUrl is required with perHost: false"],
    [{ maxBytes: NaN }, "client: maxBytes must be a number of at least 0"],
    [{ timeoutMs: -1 }, "timeout: ms must be a number above 0"],
    [{ baseUrl: a, retry: { attempts: 0 } }, "retry: attempts must be an integer from 1 to 100"],
    [{ concurrency: { limit: 0 } }, "concurrency-limit: limit must be an integer"],
  ])("refuse %j", (options, message) => {
    expect(() => client(options)).toThrow(RangeError);
    expect(() => client(options)).toThrow(message);
  });
});

describe("a closed client", () => {
  test("closes its hosts and refuses calls", async () => {
    const { api, ask, clock, closed, mock } = given();
    await ask(a);
    await ask(b);
    await Promise.all([api.close(), api.close()]);
    expect(closed).toEqual([a, b]);
    expect(clock.pending).toBe(0);
    expect(await api.get(`${a}/`).text()).toMatchObject({ left: { _tag: "ClientClosed" } });
    await mock.expectNoCall();
  });

  test("closes its only host", async () => {
    const { api, closed, mock } = scripted({});
    await Promise.all([api.close(), api.close()]);
    expect(closed).toEqual(["http://shop.example"]);
    expect(await api.get("/").text()).toMatchObject({ left: { _tag: "ClientClosed" } });
    await mock.expectNoCall();
  });
});
