import {
  type Fault,
  type Layer,
  mapRequest,
  right,
  service,
  type Service,
  ServiceBuilder,
} from "@pagoda/core";
import { mockService, settled } from "@pagoda/core/testing";
import {
  bodyOf,
  callNotes,
  type FromClient,
  HttpHeaders,
  type HttpRequest,
  type HttpResponse,
  httpResponse,
  type Identified,
} from "@pagoda/http";
import { conformance } from "@pagoda/http/testing";
import { describe, expect, expectTypeOf, test } from "vitest";
import { accessLog, type LoggedRequest } from "@pagoda/access-log";
import { bench, down, get, memory, nowhere, refused, responseFor, TestBody } from "./bench.ts";

describe("accessLog", () => {
  for (const level of ["info", "silent"]) {
    conformance(test, ({ clock }) => accessLog({ logger: memory(level).logger, clock }), {
      request: () => get,
      response: () => httpResponse(200),
    });
  }

  test("writes one line per call with everything it knows", async () => {
    const { clock, mock, layered, lines } = bench();
    const request = {
      ...get,
      method: "PUT",
      headers: HttpHeaders.of({ "User-Agent": "curl/8" }),
      body: bodyOf("hello"),
      requestId: "7f3a",
      client: { address: "203.0.113.7", identity: "cart" },
      notes: { route: "cart", cluster: "v2", upstream: "http://10.0.0.7:81", tries: 2, user: "ann" },
    };
    const body = new TestBody(12);
    const result = layered.call(request);
    await clock.advance(12.3456);
    (await mock.next()).answer({ ...httpResponse(201), body });
    await result;
    body.pipe(nowhere);
    await clock.advance(7);
    expect(lines()).toEqual([]);
    body.end();
    expect(lines()).toEqual([
      {
        level: 30,
        msg: "PUT /cart 201",
        requestId: "7f3a",
        client: "203.0.113.7",
        identity: "cart",
        user: "ann",
        method: "PUT",
        scheme: "http",
        authority: "shop.example",
        path: "/cart",
        version: "1.1",
        status: 201,
        outcome: "complete",
        route: "cart",
        cluster: "v2",
        upstream: "http://10.0.0.7:81",
        tries: 2,
        headMs: 12.346,
        durationMs: 19.346,
        requestLength: 5,
        responseLength: 12,
        userAgent: "curl/8",
      },
    ]);
  });

  test("omits unknown values", async () => {
    const { answered, lines } = bench();
    await answered(httpResponse(200), { ...get, body: new TestBody() });
    expect(lines()).toEqual([
      {
        level: 30,
        msg: "GET /cart 200",
        method: "GET",
        scheme: "http",
        authority: "shop.example",
        path: "/cart",
        version: "1.1",
        status: 200,
        outcome: "complete",
        tries: 0,
        headMs: 0,
        durationMs: 0,
        responseLength: 0,
      },
    ]);
  });

  test("returns the response unchanged", async () => {
    const { mock, layered } = bench();
    const answer = httpResponse(200, "hello");
    const result = layered.call(get);
    (await mock.next()).answer(answer);
    expect(((await result) as { right: HttpResponse }).right).toBe(answer);
  });

  test("client defaults to the peer", async () => {
    const { answered, lines } = bench();
    await answered(httpResponse(200), { ...get, peer: { address: "203.0.113.9", port: 1 } });
    expect(lines()[0]).toMatchObject({ client: "203.0.113.9" });
  });

  test("cuts long names, and escapes control characters in them", async () => {
    const { answered, lines } = bench();
    const client = { address: "203.0.113.9", identity: "a\nb" };
    const notes = { tries: 0, user: `\u0085${"x".repeat(300)}` };
    await answered(httpResponse(200), { ...get, client, notes } as HttpRequest);
    expect(lines()[0]).toMatchObject({ identity: "a\\u000ab", user: `\\u0085${"x".repeat(255)}` });
  });

  test("logs the query only if the option is set", async () => {
    const [without, with_] = [bench(), bench({ query: true })];
    for (const { answered } of [without, with_]) await answered(httpResponse(200));
    expect(without.texts[0]).not.toContain("secret");
    expect(with_.lines()[0]).toMatchObject({ path: "/cart", query: "?token=secret" });
    await with_.answered(httpResponse(200), { ...get, query: "" });
    expect(with_.lines()[1]).not.toHaveProperty("query");
  });

  test("reads the request's notes when the call ends", async () => {
    const { mock, layered, lines } = bench();
    const notes = callNotes();
    const request = { ...get, notes };
    const result = layered.call(request);
    const call = await mock.next();
    expect(call.request).toBe(request);
    notes.route = "late";
    call.fail(down);
    await result;
    expect(lines()[0]).toMatchObject({ route: "late" });
  });

  test("takes the upstream from the error, then the notes", async () => {
    const { answered, lines } = bench();
    const notes = { ...callNotes(), upstream: "http://noted:1" };
    const fault = { ...down, upstream: "http://failed:1" };
    const request = { ...get, notes };
    await answered(httpResponse(200), request);
    await answered(responseFor(fault), request);
    await answered(responseFor(down), request);
    expect(lines().map(({ upstream }) => upstream)).toEqual([
      "http://noted:1",
      "http://failed:1",
      "http://noted:1",
    ]);
  });

  test("fields adds to the line and replaces default fields", async () => {
    const { answered, lines } = bench({
      fields: ({ headers }, response, { path, outcome }) => ({
        tenant: headers.get("x-tenant"),
        path: path.replace(/\d+/, "*"),
        type: response?.headers.get("content-type"),
        outcome: outcome.toUpperCase(),
      }),
    });
    await answered(httpResponse(200, "", { "content-type": "text/html" }), {
      ...get,
      path: "/users/17",
      headers: HttpHeaders.of({ "x-tenant": "a" }),
    });
    expect(lines()[0]).toMatchObject({
      tenant: "a",
      path: "/users/*",
      type: "text/html",
      outcome: "COMPLETE",
    });
  });

  test("describes its options and counters", async () => {
    const { mock, layered, answered, state } = bench({ ratio: 0.5, random: () => 0 });
    await answered(httpResponse(200));
    void layered.call(get);
    await mock.next();
    expect(layered.describe()).toMatchObject({ name: "access-log", options: { ratio: 0.5, query: false } });
    expect(state()).toEqual({ inFlight: 1, lines: 1, defects: 0 });
  });

  test.each([-0.1, 1.1, NaN])("rejects a ratio of %d", (ratio) => {
    expect(() => bench({ ratio })).toThrow(RangeError);
    expect(() => bench({ ratio })).toThrow(`access-log: ratio must be a number from 0 to 1 (got ${ratio})`);
  });
});

describe("types of accessLog", () => {
  const { logger } = memory();
  const leaf = service<HttpRequest, HttpResponse, Fault<"Down">>("leaf", async () =>
    right(httpResponse(200)),
  );

  test("changes nothing and requires neither an id nor a client", () => {
    expectTypeOf(accessLog({ logger })).toEqualTypeOf<
      Layer<LoggedRequest, unknown, never, never, never, HttpResponse>
    >();
    const stack = new ServiceBuilder<HttpRequest>().layer(accessLog({ logger })).service(leaf);
    expectTypeOf(stack).toEqualTypeOf<Service<HttpRequest, HttpResponse, Fault<"Down">>>();
  });

  test("requires what its callbacks read, and so an inner place in the stack", () => {
    type Known = HttpRequest & Identified & FromClient;
    const log = accessLog({ logger, fields: ({ client }: Known) => ({ of: client.address.split(".")[0] }) });
    expectTypeOf(log).toEqualTypeOf<Layer<Known, unknown, never, never, never, HttpResponse>>();
    const known = mapRequest((request: HttpRequest) => ({
      ...request,
      requestId: "1",
      client: { address: "a.b" },
    }));
    new ServiceBuilder<HttpRequest>().adapt(known).layer(log).service(leaf);
    // @ts-expect-error: Property 'requestId' is missing in type 'HttpRequest' but required in type 'Identified'.
    new ServiceBuilder<HttpRequest>().layer(log);
  });

  test("infers the request type of its callbacks", async () => {
    const stack = new ServiceBuilder<HttpRequest & FromClient>()
      .layer(
        accessLog({ logger, level: (_end, { client }) => (client.address === "probe" ? "silent" : "info") }),
      )
      .service(mockService<HttpRequest, HttpResponse>().service);
    expectTypeOf(stack.call).parameter(0).toEqualTypeOf<HttpRequest & FromClient>();
    await settled();
  });

  test("does not compile around a service that is not HTTP", () => {
    // @ts-expect-error: a string is not an HttpRequest.
    new ServiceBuilder<string>().layer(accessLog({ logger }));
    expect(refused.origin).toBe("local");
  });
});
