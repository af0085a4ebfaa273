import {
  type Aborted,
  type ErrorOf,
  type Fault,
  type Layer,
  left,
  right,
  service,
  type Service,
  ServiceBuilder,
} from "@pagoda/core";
import { mockService, virtualClock } from "@pagoda/core/testing";
import {
  type AuthorizationRefused,
  type AuthorizationUnavailable,
  extAuthz,
  type ExtAuthzFault,
  type ExtAuthzOptions,
} from "@pagoda/ext-authz";
import {
  type BodyTooLarge,
  HttpHeaders,
  httpRequest,
  type HttpRequest,
  type HttpResponse,
  httpResponse,
  text,
} from "@pagoda/http";
import { conformance } from "@pagoda/http/testing";
import { describe, expect, expectTypeOf, test, vi } from "vitest";

const allowing = service("allowing", async (_: HttpRequest) => right(httpResponse(200)));
const down: Fault<"Down"> = { _tag: "Down", origin: "upstream", retryable: true };

const asked = (raw: readonly string[] = []): HttpRequest => ({
  ...httpRequest("http://shop.example/cart?a=1", { method: "PUT", body: "hello" }),
  headers: new HttpHeaders(raw),
});

/** A layer around an inner service and an authorization server, both scripted. */
function bench(options: Partial<ExtAuthzOptions<HttpRequest>> = {}) {
  const clock = virtualClock();
  const [inner, server] = [
    mockService<HttpRequest, HttpResponse>(),
    mockService<HttpRequest, HttpResponse, Fault>(),
  ];
  const observer = {
    allowed: vi.fn<() => void>(),
    refused: vi.fn<(fault: AuthorizationRefused) => void>(),
    unavailable: vi.fn<(fault: AuthorizationUnavailable) => void>(),
  };
  const layered = extAuthz({ service: server.service, clock, observer, ...options })(inner.service);
  return { clock, inner, server, observer, layered };
}

describe("extAuthz", () => {
  const deciding = service("deciding", async ({ path }: HttpRequest) =>
    path === "/failing" ? left(down) : right(httpResponse(path === "/forbidden" ? 403 : 200, "decided")),
  );
  conformance(test, ({ clock }) => extAuthz({ service: deciding, clock }), {
    refused: () => httpRequest("http://shop.example/failing"),
    answered: () => httpRequest("http://shop.example/forbidden"),
    changes: { request: ["headers"] },
  });

  test("asks with what is asked for, and without the body", async () => {
    const { layered, server, inner } = bench({ path: "/auth" });
    const fields = ["Cookie", "a=b", "Content-Length", "5", "Expect", "100-continue", "TE", "trailers"];
    const forwarded = [
      "X-Forwarded-For",
      "192.0.2.1",
      "X-Forwarded-Uri",
      "/forged",
      "X-Forwarded-Method",
      "GET",
    ];
    const request = asked([...fields, ...forwarded]);
    void layered.call(request);
    const call = await server.next();
    expect(call.request).toMatchObject({
      method: "GET",
      path: "/auth",
      query: "",
      authority: "shop.example",
    });
    expect([...call.request.headers]).toEqual([
      ["Cookie", "a=b"],
      ["X-Forwarded-For", "192.0.2.1"],
      ["x-forwarded-method", "PUT"],
      ["x-forwarded-uri", "/cart?a=1"],
    ]);
    expect(call.request.body.length).toBe(0);
    expect(call.request.notes).not.toBe(request.notes);
    expect(inner.calls).toHaveLength(0);
    call.answer(httpResponse(204));
    const passed = await inner.next();
    expect(passed.request).toMatchObject({ method: "PUT", path: "/cart", body: request.body });
    expect(passed.request.headers).toBe(request.headers);
    passed.answer(httpResponse(200));
  });

  test("asks for the path of the request by default, and with chosen fields", async () => {
    const { layered, server } = bench({ headers: ["Cookie"] });
    void layered.call(
      asked(["COOKIE", "a=b", "Authorization", "Basic YTpi", "X-Forwarded-Host", "shop.example"]),
    );
    const { request, answer } = await server.next();
    expect(request).toMatchObject({ path: "/cart", query: "?a=1" });
    expect(request.headers.raw.slice(0, 4)).toEqual(["COOKIE", "a=b", "X-Forwarded-Host", "shop.example"]);
    expect(request.headers.has("authorization")).toBe(false);
    answer(httpResponse(401));
  });

  test("copies chosen fields of the response, and removes what the client has sent under their names", async () => {
    const { layered, server, inner } = bench({ copyHeaders: ["X-User", "X-Groups"] });
    void layered.call(asked(["x-user", "root", "X_Groups", "admin", "Accept", "*/*"]));
    const headers = { "x-user": "ann", "x-other": "1", "set-cookie": "a=b" };
    (await server.next()).answer(httpResponse(200, "fine", headers));
    const { request, answer } = await inner.next();
    expect(request.headers.raw).toEqual(["Accept", "*/*", "X-User", "ann"]);
    answer(httpResponse(200));
  });

  test("too many fields to copy pass no request, even if it fails open", async () => {
    const { layered, server, inner } = bench({ copyHeaders: ["x-user"], failOpen: true });
    const result = layered.call(asked());
    const values = Array.from({ length: 101 }, () => "ann");
    (await server.next()).answer(httpResponse(200, "", { "x-user": values }));
    expect(await result).toMatchObject({ left: { _tag: "AuthorizationUnavailable", reason: "invalid" } });
    await inner.expectNoCall();
  });

  test.each([302, 401, 403, 404])("passes a response with status %d on to the client", async (status) => {
    const { layered, server, inner, observer } = bench();
    const result = layered.call(asked());
    const response = httpResponse(status, "login first", { location: "/login", "set-cookie": "a=b" });
    (await server.next()).answer(response);
    const fault: AuthorizationRefused = {
      _tag: "AuthorizationRefused",
      origin: "local",
      retryable: false,
      status,
    };
    expect(await result).toEqual(right({ ...response, fault }));
    expect(observer.refused.mock.calls.map(([fault]) => fault as unknown)).toEqual([fault]);
    await inner.expectNoCall();
  });

  describe("without an answer", () => {
    const unavailable = (reason: AuthorizationUnavailable["reason"]) =>
      left({ _tag: "AuthorizationUnavailable", origin: "local", retryable: true, reason });

    const happenings: readonly [
      AuthorizationUnavailable["reason"],
      (server: ReturnType<typeof bench>) => Promise<void>,
    ][] = [
      ["failed", async ({ server }) => (await server.next()).fail(down)],
      ["status", async ({ server }) => (await server.next()).answer(httpResponse(500))],
      [
        "timeout",
        async ({ server, clock }) => {
          const { signal, fail } = await server.next();
          await clock.advance(999);
          expect(signal?.aborted).toBe(false);
          await clock.advance(1);
          expect(signal?.aborted).toBe(true);
          fail(down);
        },
      ],
    ];

    test.each(happenings)("refuses: %s", async (reason, happens) => {
      const scene = bench();
      const result = scene.layered.call(asked());
      await happens(scene);
      expect(await result).toEqual(unavailable(reason));
      await scene.inner.expectNoCall();
      expect(scene.observer.unavailable.mock.calls.map(([fault]) => left(fault))).toEqual([
        unavailable(reason),
      ]);
      expect(scene.clock.pending).toBe(0);
    });

    test.each(happenings)("passes if it fails open: %s", async (reason, happens) => {
      const scene = bench({ failOpen: true, copyHeaders: ["x-user"] });
      const result = scene.layered.call(asked(["X-User", "root"]));
      await happens(scene);
      const { request, answer } = await scene.inner.next();
      expect(request.headers.raw).toEqual([]);
      answer(httpResponse(200));
      expect(await result).toMatchObject({ right: { status: 200 } });
      expect(scene.observer.unavailable.mock.calls.map(([fault]) => fault.reason)).toEqual([reason]);
      expect(scene.clock.pending).toBe(0);
    });

    test("a caller that aborts is gone, even if failures pass", async () => {
      const { layered, server, inner, observer, clock } = bench({ failOpen: true });
      const controller = new AbortController();
      const result = layered.call(asked(), controller.signal);
      const { signal, fail } = await server.next();
      controller.abort();
      expect(signal?.aborted).toBe(true);
      fail(down);
      expect(await result).toMatchObject({ left: { _tag: "Aborted" } });
      await inner.expectNoCall();
      expect(observer.unavailable).not.toHaveBeenCalled();
      expect(clock.pending).toBe(0);
    });
  });

  test("waits for inner if it is no longer ready", async () => {
    const { layered, server, inner, clock } = bench();
    inner.admit(0);
    const result = layered.call(asked());
    (await server.next()).answer(httpResponse(200));
    await clock.advance(10);
    expect(inner.calls).toHaveLength(0);
    inner.admit(1);
    (await inner.next()).answer(httpResponse(200));
    expect((await result)._tag).toBe("Right");
  });

  test.each<[string, Partial<ExtAuthzOptions<HttpRequest>>]>([
    ['extAuthz: path must be a path that starts with / (got "auth")', { path: "auth" }],
    ["extAuthz: path must be", { path: "/a b" }],
    ["extAuthz: timeoutMs must be a number", { timeoutMs: 0 }],
    ["maxWaitMs", { maxWaitMs: -1 }],
    ['extAuthz: headers must be names of header fields (got "a b")', { headers: ["a b"] }],
    ["extAuthz: copyHeaders must be names of header fields", { copyHeaders: [""] }],
  ])("rejects options: %s", (message, options) => {
    expect(() => bench(options)).toThrow(message);
    expect(() => bench(options)).toThrow(RangeError);
  });

  test("types: may answer by itself, and requires what the server's service requires", () => {
    interface Known {
      readonly known: true;
    }
    const layer = extAuthz({ service: allowing });
    expectTypeOf(layer).toEqualTypeOf<
      Layer<HttpRequest, unknown, ExtAuthzFault, never, HttpResponse, HttpResponse>
    >();
    const handler = service("handler", async (_: HttpRequest) => right(text("hello")));
    const stack = new ServiceBuilder<HttpRequest>().layer(layer).service(handler);
    expectTypeOf<ErrorOf<typeof stack>>().toEqualTypeOf<AuthorizationUnavailable | BodyTooLarge | Aborted>();
    const known = allowing as Service<HttpRequest & Known, HttpResponse>;
    // @ts-expect-error: Property 'known' is missing in type 'HttpRequest' but required in type 'Known'.
    new ServiceBuilder<HttpRequest>().layer(extAuthz({ service: known }));
  });
});
