import { deadlineOf, type Fault, left, right, Scope, service } from "@pagoda/core";
import { mockService, settled } from "@pagoda/core/testing";
import { toFetch } from "@pagoda/fetch";
import { type HttpRequest, type HttpResponse, httpResponse, json, text } from "@pagoda/http";
import { describe, expect, expectTypeOf, test } from "vitest";
import { ScriptedBody } from "./bodies.ts";

const url = "http://shop.example/lamps?color=red";

function bench() {
  const mock = mockService<HttpRequest, HttpResponse, Fault>();
  return { mock, fetch: toFetch(mock.service) };
}

/** The request that the service receives for a call of fetch. */
async function requestFor(...args: Parameters<typeof fetch>): Promise<HttpRequest> {
  const { mock, fetch } = bench();
  const response = fetch(...args);
  const inner = await mock.next();
  inner.answer(httpResponse(204));
  await response;
  return inner.request;
}

describe("toFetch", () => {
  test("has the signature of fetch", async () => {
    const fetch = toFetch(service("shop", async ({ path }: HttpRequest) => right(json({ path }))));
    const response = await fetch(url);
    expect([response.ok, response.status, response.url]).toEqual([true, 200, url]);
    expect(await response.json()).toEqual({ path: "/lamps" });
    expectTypeOf(fetch).toEqualTypeOf<typeof globalThis.fetch>();
  });

  test("reports the last URL if the stack followed redirects", async () => {
    const redirecting = service("shop", async ({ notes }: HttpRequest) => {
      notes.url = "https://other.example/a#part";
      return right(text("here"));
    });
    const moved = await toFetch(redirecting)(url);
    expect([moved.url, moved.redirected]).toEqual(["https://other.example/a", true]);
    const direct = await toFetch(service("shop", async (_: HttpRequest) => right(text("here"))))(
      `${url}#part`,
    );
    expect([direct.url, direct.redirected]).toEqual([url, false]);
  });

  test.each([
    ["a string", url],
    ["a URL", new URL(url)],
    ["a Request", new Request(url)],
  ])("accepts %s", async (_what, input) => {
    expect(await requestFor(input)).toMatchObject({
      method: "GET",
      authority: "shop.example",
      query: "?color=red",
    });
  });

  test("options override those of a Request", async () => {
    const request = new Request(url, { method: "POST", headers: { "x-a": "1" }, body: "a" });
    const { method, headers } = await requestFor(request, { method: "PUT", headers: { "x-b": "2" } });
    expect([method, headers.get("x-a"), headers.get("x-b")]).toEqual(["PUT", undefined, "2"]);
  });

  test.each([
    ["a string", "a=1", "text/plain;charset=UTF-8"],
    ["bytes", Buffer.from("a=1"), undefined],
    ["a form", new URLSearchParams({ a: "1" }), "application/x-www-form-urlencoded;charset=UTF-8"],
  ])("keeps %s in memory, with its length, so that it can be sent again", async (_what, body, type) => {
    const request = await requestFor(url, { method: "POST", body });
    expect([request.body.length, request.body.canRead]).toEqual([3, true]);
    expect(request.headers.get("content-type")).toBe(type);
    for (const _time of [1, 2]) expect(await request.body.text()).toEqual(right("a=1"));
  });

  test("streams a body that is not in memory", async () => {
    const body = new Blob(["some ", "bytes"]);
    const { mock, fetch } = bench();
    const response = fetch(url, { method: "POST", body });
    const { request, answer } = await mock.next();
    expect(request.body.length).toBeUndefined();
    expect(await request.body.text()).toEqual(right("some bytes"));
    answer(httpResponse(204));
    await response;
  });

  test("returns redirects instead of following them", async () => {
    const fetch = toFetch(
      service("shop", async (_request: HttpRequest) => right(httpResponse(302, "", { location: "/" }))),
    );
    const response = await fetch(url);
    expect([response.status, response.headers.get("location")]).toEqual([302, "/"]);
  });

  test("throws fetch's TypeError with the error as its cause", async () => {
    const soldOut: Fault = { _tag: "SoldOut", origin: "local", retryable: false };
    const fetch = toFetch(service("shop", async (_request: HttpRequest) => left(soldOut)));
    await expect(fetch(url)).rejects.toMatchObject({
      name: "TypeError",
      message: "fetch failed",
      cause: soldOut,
    });
  });

  test("throws the signal's reason on an abort", async () => {
    const { mock, fetch } = bench();
    const controller = new AbortController();
    const response = fetch(url, { signal: controller.signal });
    const inner = await mock.next();
    const reason = new Error("enough");
    controller.abort(reason);
    expect(inner.signal?.aborted).toBe(true);
    await expect(response).rejects.toBe(reason);
  });

  test("cancels the request's body if the stack responds without reading it", async () => {
    let cancelled = false;
    const body = new ReadableStream({ cancel: () => void (cancelled = true) });
    const refusing = toFetch(service("refusing", async (_: HttpRequest) => right(httpResponse(413))));
    await refusing(url, { method: "POST", body, duplex: "half" });
    expect(cancelled).toBe(true);
  });

  test("defect: a response made from the request's body broke off", async () => {
    const echo = toFetch(
      service("echo", async ({ body }: HttpRequest) => right({ ...httpResponse(200), body })),
    );
    const response = await echo(url, { method: "POST", body: new Blob(["some ", "bytes"]) });
    expect(await response.text()).toBe("some bytes");
  });

  test("makes no call if the signal is already aborted, and cancels the request's body", async () => {
    const { mock, fetch } = bench();
    let cancelled = false;
    const body = new ReadableStream({ cancel: () => void (cancelled = true) });
    const reason = new Error("enough");
    const signal = AbortSignal.abort(reason);
    await expect(fetch(url, { method: "POST", body, duplex: "half", signal })).rejects.toBe(reason);
    await settled();
    expect([mock.calls.length, cancelled]).toEqual([0, true]);
  });

  test("an abort errors a response body being read", async () => {
    const body = new ScriptedBody();
    const controller = new AbortController();
    const fetch = toFetch(service("shop", async (_request: HttpRequest) => right(httpResponse(200, body))));
    const response = await fetch(url, { signal: controller.signal });
    const read = response.text();
    const reason = new Error("enough");
    controller.abort(reason);
    await expect(read).rejects.toBe(reason);
    expect(body.cancelledWith).toEqual([reason]);
  });

  test("passes on the signal's deadline", async () => {
    const { mock, fetch } = bench();
    const scope = new Scope(undefined);
    scope.deadline = 10;
    const response = fetch(url, { signal: scope.signal });
    const inner = await mock.next();
    expect(deadlineOf(inner.signal)).toBe(10);
    inner.answer(text("a"));
    await response;
  });

  test("rejects what fetch rejects", async () => {
    const { fetch } = bench();
    await expect(fetch("/relative")).rejects.toThrow(TypeError);
    await expect(fetch(url, { headers: { "no name": "1" } })).rejects.toThrow(TypeError);
    await expect(fetch("data:text/plain,a")).rejects.toThrow(TypeError);
  });
});
