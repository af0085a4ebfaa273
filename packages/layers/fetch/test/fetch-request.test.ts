import { getEventListeners } from "node:events";
import {
  type Adapter,
  deadlineOf,
  type ErrorOf,
  type Fault,
  isRight,
  left,
  right,
  Scope,
  service,
  type Service,
  ServiceBuilder,
} from "@pagoda/core";
import { conformance, mockService, settled } from "@pagoda/core/testing";
import { fetchRequest } from "@pagoda/fetch";
import { bodyFrom, HttpHeaders, type HttpRequest, type HttpResponse, httpResponse, text } from "@pagoda/http";
import { describe, expect, expectTypeOf, test } from "vitest";
import { ScriptedBody } from "./bodies.ts";

interface SoldOut extends Fault<"SoldOut"> {}

const url = "https://shop.example:8443/lamp%2Fs?color=red#top";

/** The request that the handler receives for a web request. */
async function seen(request: Request): Promise<HttpRequest> {
  const mock = mockService<HttpRequest, HttpResponse>();
  const result = fetchRequest()(mock.service).call(request);
  const inner = await mock.next();
  inner.answer(httpResponse(204));
  await result;
  return inner.request;
}

/** The web response for the handler's response. */
async function responseFor(response: HttpResponse, signal?: AbortSignal): Promise<Response> {
  const handler = fetchRequest()(service("handler", async (_request: HttpRequest) => right(response)));
  const result = await handler.call(new Request(url, signal && { signal }));
  if (!isRight(result)) throw new Error("the adapter returned no response");
  return result.right;
}

describe("fetchRequest", () => {
  conformance(test, () => fetchRequest(), {
    request: () => new Request(url),
    response: () => text("a"),
    changes: { request: "all", response: "all" },
  });

  test("converts the parts of the request", async () => {
    const request = await seen(
      new Request(url, { method: "PUT", headers: { "X-A": "1" }, body: "some bytes" }),
    );
    expect(request).toMatchObject({
      method: "PUT",
      scheme: "https",
      authority: "shop.example:8443",
      path: "/lamp%2Fs",
      query: "?color=red",
      version: "1.1",
    });
    expect(request.headers.get("x-a")).toBe("1");
    expect(await request.body.text()).toEqual(right("some bytes"));
  });

  test("converts a request without a body to one with an empty body", async () => {
    expect((await seen(new Request(url))).body.length).toBe(0);
  });

  test("a URL that is not http or https is a defect", async () => {
    const handler = fetchRequest()(mockService<HttpRequest, HttpResponse>().service);
    await expect(handler.call(new Request("data:text/plain,a"))).rejects.toThrow(TypeError);
  });

  test("converts status, repeated fields and body of the response", async () => {
    const headers = HttpHeaders.of([
      ["Set-Cookie", "a=1"],
      ["Set-Cookie", "b=2"],
      ["X-A", "1"],
    ]);
    const response = await responseFor({ ...text("no lamp", 410), headers, statusText: "Gone" });
    expect([response.status, response.statusText]).toEqual([410, "Gone"]);
    expect(response.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
    expect(response.headers.get("x-a")).toBe("1");
    expect(await response.text()).toBe("no lamp");
  });

  test.each([204, 205, 304])(
    "cancels the body of a response with status %d, which has none",
    async (status) => {
      const body = new ScriptedBody();
      const response = await responseFor(httpResponse(status, body));
      expect([response.status, response.body]).toEqual([status, null]);
      expect(body.cancelledWith).toHaveLength(1);
    },
  );

  test("returns errors unchanged", async () => {
    const soldOut: SoldOut = { _tag: "SoldOut", origin: "local", retryable: false };
    const handler = fetchRequest()(service("handler", async (_request: HttpRequest) => left(soldOut)));
    expect(await handler.call(new Request(url))).toEqual(left(soldOut));
  });

  test("streams the response", async () => {
    const body = new ScriptedBody();
    const response = await responseFor(httpResponse(200, body));
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    const first = reader.read();
    await settled();
    body.write("a");
    expect((await first).value).toEqual(Buffer.from("a"));
    const last = reader.read();
    await settled();
    body.end();
    expect((await last).done).toBe(true);
  });

  test.each(["the request's signal", "the caller's signal"])("aborts the call with %s", async (which) => {
    const mock = mockService<HttpRequest, HttpResponse>();
    const controller = new AbortController();
    const { signal } = controller;
    const isOwn = which === "the request's signal";
    const result = fetchRequest()(mock.service).call(
      new Request(url, isOwn ? { signal } : {}),
      isOwn ? undefined : signal,
    );
    const inner = await mock.next();
    const reason = new Error("enough");
    controller.abort(reason);
    expect(inner.signal?.reason).toBe(reason);
    await result;
  });

  test("aborts at once if the request is already aborted", async () => {
    const mock = mockService<HttpRequest, HttpResponse>();
    void fetchRequest()(mock.service).call(new Request(url, { signal: AbortSignal.abort() }));
    expect((await mock.next()).signal?.aborted).toBe(true);
  });

  test("an abort of the request errors a response body being read", async () => {
    const body = new ScriptedBody();
    const controller = new AbortController();
    const response = await responseFor(httpResponse(200, body), controller.signal);
    const read = response.text();
    const reason = new Error("enough");
    controller.abort(reason);
    await expect(read).rejects.toBe(reason);
    expect(body.cancelledWith).toEqual([reason]);
  });

  test("leaves no listener on either signal once the body has ended", async () => {
    const controller = new AbortController();
    const request = new Request(url);
    const body = new ScriptedBody();
    const handler = fetchRequest()(
      service("handler", async (_request: HttpRequest) => right(httpResponse(200, body))),
    );
    const result = await handler.call(request, controller.signal);
    const count = (): number =>
      getEventListeners(request.signal, "abort").length +
      getEventListeners(controller.signal, "abort").length;
    expect(count()).toBe(2);
    const read = isRight(result) ? result.right.text() : undefined;
    await settled();
    body.end();
    await read;
    expect(count()).toBe(0);
  });

  test("passes on the caller's deadline", async () => {
    const scope = new Scope(undefined);
    scope.deadline = 10;
    const mock = mockService<HttpRequest, HttpResponse>();
    const result = fetchRequest()(mock.service).call(new Request(url), scope.signal);
    const inner = await mock.next();
    expect(deadlineOf(inner.signal)).toBe(10);
    inner.answer(httpResponse(204));
    await result;
  });

  test("leaves no listener after a defect", async () => {
    const request = new Request(url);
    const mistaken = fetchRequest()(
      service("mistaken", (_request: HttpRequest) => Promise.reject(new Error("a defect"))) as Service<
        HttpRequest,
        HttpResponse
      >,
    );
    await expect(mistaken.call(request)).rejects.toThrow("a defect");
    expect(getEventListeners(request.signal, "abort")).toHaveLength(0);
  });

  test("cancels the request's body when the handler cancels it", async () => {
    let cancelled: unknown;
    const body = new ReadableStream({ cancel: (reason) => (cancelled = reason ?? "cancelled") });
    const request = await seen(new Request(url, { method: "POST", body, duplex: "half" }));
    request.body.cancel();
    await settled();
    expect(cancelled).toBeDefined();
  });

  test("streams the request", async () => {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const echo = fetchRequest()(
      service("echo", async ({ body }: HttpRequest) => right(httpResponse(200, bodyFrom(body)))),
    );
    const request = new Request(url, { method: "POST", body: readable, duplex: "half" });
    const result = await echo.call(request);
    const reader = isRight(result) ? result.right.body?.getReader() : undefined;
    const writer = writable.getWriter();
    for (const piece of ["a", "b"]) {
      void writer.write(Buffer.from(piece));
      expect((await reader?.read())?.value).toEqual(Buffer.from(piece));
    }
    void writer.close();
    expect((await reader?.read())?.done).toBe(true);
  });
});

describe("types of fetchRequest", () => {
  test("adapts Request and Response outside to HttpRequest and HttpResponse inside", () => {
    expectTypeOf(fetchRequest()).toEqualTypeOf<Adapter<Request, HttpRequest, HttpResponse, Response>>();
    const shop = service<HttpRequest, HttpResponse, SoldOut>("shop", async () => right(httpResponse(200)));
    const stack = new ServiceBuilder<Request>().adapt(fetchRequest()).service(shop);
    expectTypeOf(stack).toEqualTypeOf<Service<Request, Response, SoldOut>>();
    expectTypeOf<ErrorOf<typeof stack>>().toEqualTypeOf<SoldOut>();
    const numbers = service("numbers", async (_request: HttpRequest) => right(1));
    // @ts-expect-error: Type 'number' is not assignable to type 'HttpResponse'.
    new ServiceBuilder<Request>().adapt(fetchRequest()).service(numbers);
  });
});
