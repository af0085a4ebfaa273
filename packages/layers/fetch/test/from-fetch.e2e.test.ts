import { brotliCompressSync } from "node:zlib";
import { type Aborted, isRight, right, type Service } from "@pagoda/core";
import { settled } from "@pagoda/core/testing";
import { type FetchFailed, fromFetch } from "@pagoda/fetch";
import { bodyFrom, type HttpRequest, httpRequest, type HttpResponse, type RequestInput } from "@pagoda/http";
import { serviceConformance } from "@pagoda/http/testing";
import { afterAll, beforeAll, describe, expect, expectTypeOf, test } from "vitest";
import { ScriptedBody } from "./bodies.ts";
import { type Origin, startOrigin } from "./origin.ts";

describe("fromFetch conforms", () => {
  serviceConformance(test, async () => {
    const origin = await startOrigin((request, response) => {
      request.resume();
      if (request.url === "/failing") request.socket.destroy();
      else if (request.url !== "/unanswered") response.end("some text");
    });
    const asked = (path: string) => () => httpRequest(origin.url + path);
    return {
      service: fromFetch(),
      request: asked("/"),
      failing: asked("/failing"),
      unanswered: asked("/unanswered"),
      close: () => origin.close(),
    };
  });
});

describe("fromFetch", () => {
  let origin: Origin;
  let headers: Readonly<Record<string, unknown>>;

  beforeAll(async () => {
    origin = await startOrigin((request, response) => {
      ({ headers } = request);
      const { pathname } = new URL(request.url ?? "/", "http://origin.example");
      if (pathname === "/redirect") response.writeHead(302, { location: "/" }).end();
      else if (pathname === "/compressed")
        response
          .writeHead(200, { "content-encoding": "br", "x-a": "1" })
          .end(brotliCompressSync("some text"));
      else if (pathname === "/cut")
        response.writeHead(200, { "content-length": "10" }).write("some", () => response.destroy());
      else {
        response.writeHead(200, {
          "set-cookie": ["a=1", "b=2"],
          "x-seen": `${request.method} ${request.url}`,
        });
        response.flushHeaders();
        request.pipe(response);
      }
    });
  });

  afterAll(() => origin.close());

  async function answered(path: string, input?: RequestInput): Promise<HttpResponse> {
    const result = await fromFetch().call(httpRequest(origin.url + path, input));
    if (!isRight(result)) throw new Error(`fetch failed: ${String(result.left.cause)}`);
    return result.right;
  }

  test("sends the request and returns the response", async () => {
    const response = await answered("/a%2Fb?c=d", { method: "PUT", body: "some bytes" });
    expect(response.status).toBe(200);
    expect(response.headers.get("x-seen")).toBe("PUT /a%2Fb?c=d");
    expect(response.headers.all("set-cookie")).toEqual(["a=1", "b=2"]);
    expect(await response.body.text()).toEqual(right("some bytes"));
    expect(headers["content-length"]).toBe("10");
  });

  test("streams the request and the response", async () => {
    const body = new ScriptedBody();
    const answer = answered("/", { method: "POST", body });
    while (!body.isPiped) await settled();
    // Node sends the head with the first chunk.
    body.write("some ");
    const reader = (await answer).body[Symbol.asyncIterator]();
    expect((await reader.next()).value).toEqual(new TextEncoder().encode("some "));
    body.write("bytes");
    expect((await reader.next()).value).toEqual(new TextEncoder().encode("bytes"));
    body.end();
    expect((await reader.next()).done).toBe(true);
  });

  test("drops connection-specific fields", async () => {
    await answered("/", {
      headers: {
        connection: "keep-alive, x-hop",
        "keep-alive": "timeout=5",
        "transfer-encoding": "chunked",
        te: "trailers",
        "x-hop": "1",
        "x-a": "1",
      },
    });
    expect(headers["x-a"]).toBe("1");
    for (const name of ["keep-alive", "transfer-encoding", "te", "x-hop"])
      expect(headers[name]).toBeUndefined();
  });

  test("returns redirects instead of following them", async () => {
    const response = await answered("/redirect");
    expect([response.status, response.headers.get("location")]).toEqual([302, "/"]);
  });

  test("drops Content-Encoding, because fetch decompresses bodies", async () => {
    const response = await answered("/compressed");
    expect(await response.body.text()).toEqual(right("some text"));
    expect(["content-encoding", "content-length", "x-a"].map((name) => response.headers.get(name))).toEqual([
      undefined,
      undefined,
      "1",
    ]);
  });

  test("a connection that breaks breaks the body", async () => {
    const read = await (await answered("/cut")).body.text();
    expect(read).toMatchObject({ left: { _tag: "BodyBroken" } });
  });

  test("notes the origin and counts the try", async () => {
    const request = httpRequest(`${origin.url}/`);
    await fromFetch().call(request);
    expect(request.notes).toMatchObject({ upstream: origin.url, tries: 1 });
  });

  test("a refused connection is a fault of origin upstream", async () => {
    const gone = await startOrigin(() => {});
    await gone.close();
    expect(await fromFetch().call(httpRequest(gone.url))).toMatchObject({
      left: { _tag: "FetchFailed", origin: "upstream", retryable: true, upstream: gone.url },
    });
  });

  test("running out of file descriptors is a fault of origin local", async () => {
    const cause = Object.assign(new Error("too many open files"), { code: "EMFILE" });
    const broke = () => Promise.reject(new TypeError("fetch failed", { cause }));
    expect(await fromFetch(broke).call(httpRequest(origin.url))).toMatchObject({
      left: { _tag: "FetchFailed", origin: "local", retryable: true },
    });
  });

  test.each([
    ["CONNECT", { method: "CONNECT" }],
    ["GET with a body", { body: bodyFrom(["a"]) }],
  ])("fails at once for a request that fetch cannot send (%s)", async (_what, input) => {
    expect(await fromFetch().call(httpRequest(origin.url, input))).toMatchObject({
      left: { _tag: "FetchFailed", origin: "local", retryable: false },
    });
  });

  test("fails at once for an upgrade and cancels the body", async () => {
    const body = new ScriptedBody();
    const request = { ...httpRequest(origin.url, { body }), upgrade: "websocket" };
    expect(await fromFetch().call(request)).toMatchObject({
      left: { cause: { message: "fetch cannot upgrade to websocket" } },
    });
    expect(body.cancelledWith).toHaveLength(1);
  });

  test("makes no call if the signal is already aborted, and cancels the body", async () => {
    const body = new ScriptedBody();
    const reason = new Error("enough");
    const request = httpRequest(origin.url, { method: "POST", body });
    expect(await fromFetch().call(request, AbortSignal.abort(reason))).toMatchObject({
      left: { _tag: "Aborted", cause: reason },
    });
    expect([body.cancelledWith, request.notes.tries]).toEqual([[reason], 0]);
  });

  test("cancels a response that arrives after an abort", async () => {
    let cancelled = false;
    const stream = new ReadableStream({ cancel: () => void (cancelled = true) });
    const { promise, resolve } = Promise.withResolvers<Response>();
    const controller = new AbortController();
    const result = fromFetch(() => promise).call(httpRequest(origin.url), controller.signal);
    controller.abort();
    resolve(new Response(stream));
    expect(await result).toMatchObject({ left: { _tag: "Aborted" } });
    await settled();
    expect(cancelled).toBe(true);
  });

  test("has its errors in its type", () => {
    expectTypeOf(fromFetch).returns.toEqualTypeOf<
      Service<HttpRequest, HttpResponse, FetchFailed | Aborted>
    >();
  });
});
