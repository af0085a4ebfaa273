import { cors, type CorsOptions } from "@pagoda/cors";
import { type Fault, type Layer, left, right, service, ServiceBuilder } from "@pagoda/core";
import { mockService } from "@pagoda/core/testing";
import { bodyFrom, type FromClient, type HttpRequest, type HttpResponse, httpResponse } from "@pagoda/http";
import { conformance } from "@pagoda/http/testing";
import * as fc from "fast-check";
import { describe, expect, expectTypeOf, test } from "vitest";
import { app, ask, pass, preflightOf } from "./bench.ts";

const list = { origins: [app, "https://admin.example:8443"] } as const;
const preflightVary = "origin, access-control-request-method, access-control-request-headers";

describe("cors", () => {
  conformance(test, () => cors(list), {
    request: () => ask({ origin: app }),
    answered: () => preflightOf(),
    changes: { response: ["headers"] },
  });

  test("passes requests on unchanged, whatever their origin", async () => {
    for (const origin of [app, "https://evil.example"]) {
      const mock = mockService<HttpRequest, HttpResponse>();
      const request = ask({ origin });
      void cors(list)(mock.service).call(request);
      expect((await mock.next()).request).toBe(request);
    }
  });

  test("passes errors through unchanged", async () => {
    const mock = mockService<HttpRequest, HttpResponse, Fault>();
    const result = cors(list)(mock.service).call(ask({ origin: app }));
    const down: Fault = { _tag: "Down", origin: "upstream", retryable: true };
    (await mock.next()).fail(down);
    expect(await result).toEqual(left(down));
  });

  describe("a response", () => {
    test("to an allowed origin names it, and varies by it", async () => {
      expect((await pass(list, ask({ Origin: app }))).fields).toEqual({
        "access-control-allow-origin": app,
        vary: "origin",
      });
    });

    test.each([
      ["another origin", { origin: "https://evil.example" }],
      ["an origin with another scheme", { origin: "http://app.example" }],
      ["an origin with another port", { origin: "https://app.example:444" }],
      ["an origin that begins like an allowed one", { origin: "https://app.example.evil" }],
      ["an opaque origin", { origin: "null" }],
      ["a request without Origin", {}],
    ])("to %s has no CORS headers, but varies by Origin", async (_what, headers) => {
      const { passed, fields } = await pass(list, ask(headers as Record<string, string>), {
        "content-type": "text/plain",
      });
      expect(passed).toBe(true);
      expect(fields).toEqual({ "content-type": "text/plain", vary: "origin" });
    });

    test("is the same for all requests if all origins are allowed", async () => {
      const options = { origins: "*", exposedHeaders: ["x-total"] } as const;
      for (const headers of [{ origin: app }, { origin: "null" }, {}]) {
        const { fields } = await pass(options, ask(headers as Record<string, string>));
        expect(fields).toEqual({
          "access-control-allow-origin": "*",
          "access-control-expose-headers": "x-total",
        });
      }
    });

    test("lists the headers that scripts may read, and allows credentials", async () => {
      const options = { ...list, exposedHeaders: ["x-total", "etag"], credentials: true };
      expect((await pass(options, ask({ origin: app }))).fields).toEqual({
        "access-control-allow-origin": app,
        "access-control-allow-credentials": "true",
        "access-control-expose-headers": "x-total, etag",
        vary: "origin",
      });
      expect((await pass(options, ask({ origin: "https://evil.example" }))).fields).toEqual({
        vary: "origin",
      });
    });

    test("loses the CORS headers of inner, which would allow other origins or be repeated", async () => {
      const inner = {
        "Access-Control-Allow-Origin": "*",
        "access-control-allow-credentials": "true",
        "access-control-expose-headers": "*",
        "x-total": "3",
      };
      const { fields } = await pass(list, ask({ origin: app }), inner);
      expect(fields).toEqual({ "x-total": "3", "access-control-allow-origin": app, vary: "origin" });
      const evil = await pass(list, ask({ origin: "https://evil.example" }), inner);
      expect(evil.fields).toEqual({ "x-total": "3", vary: "origin" });
    });

    test.each([
      ["accept-encoding", "accept-encoding | origin"],
      ["Accept-Encoding, Origin", "Accept-Encoding, Origin"],
      ["*", "*"],
      ["x-origin", "x-origin | origin"],
    ])("with Vary: %s has Vary: %s", async (before, after) => {
      expect((await pass(list, ask({ origin: app }), { Vary: before })).fields["vary"]).toBe(after);
    });

    test("keeps the Vary of inner if all origins are allowed", async () => {
      const { fields } = await pass({ origins: "*" }, ask({ origin: app }), { vary: "accept" });
      expect(fields["vary"]).toBe("accept");
    });
  });

  describe("a preflight", () => {
    test("from an allowed origin is answered without calling inner", async () => {
      const asked = preflightOf({ "access-control-request-headers": "content-type,x-cart" });
      expect(await pass(list, asked)).toEqual({
        passed: false,
        status: 204,
        fields: {
          "access-control-allow-origin": app,
          "access-control-allow-methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
          "access-control-allow-headers": "content-type,x-cart",
          vary: preflightVary,
        },
      });
    });

    test("is answered with what the options allow", async () => {
      const options: CorsOptions = {
        ...list,
        methods: ["PUT", "QUERY"],
        headers: ["x-cart", "authorization"],
        exposedHeaders: ["etag"],
        credentials: true,
        maxAgeMs: 7_200_000,
      };
      const asked = preflightOf({ "access-control-request-headers": "x-other" });
      expect((await pass(options, asked)).fields).toEqual({
        "access-control-allow-origin": app,
        "access-control-allow-credentials": "true",
        "access-control-allow-methods": "PUT, QUERY",
        "access-control-allow-headers": "x-cart, authorization",
        "access-control-max-age": "7200",
        vary: preflightVary,
      });
    });

    test("an empty list of headers allows none", async () => {
      const asked = preflightOf({ "access-control-request-headers": "x-other" });
      const { fields } = await pass({ ...list, headers: [] }, asked);
      expect(fields).not.toHaveProperty("access-control-allow-headers");
    });

    test("that asks for no headers is not told any", async () => {
      expect((await pass(list, preflightOf())).fields).not.toHaveProperty("access-control-allow-headers");
    });

    test("for all origins is answered with *", async () => {
      const { fields } = await pass({ origins: "*" }, preflightOf({}, "null"));
      expect(fields).toMatchObject({ "access-control-allow-origin": "*", vary: preflightVary });
    });

    test("from another origin is passed on, and its response has no CORS headers", async () => {
      const evil = preflightOf({}, "https://evil.example");
      const answer = { allow: "GET", "access-control-allow-origin": "*", "access-control-max-age": "5" };
      expect(await pass(list, evil, answer)).toEqual({
        passed: true,
        status: 200,
        fields: { allow: "GET", vary: "origin" },
      });
    });

    test.each([
      ["OPTIONS without Access-Control-Request-Method", ask({ origin: app }, "OPTIONS")],
      ["OPTIONS without Origin", ask({ "access-control-request-method": "PUT" }, "OPTIONS")],
      ["another method", ask({ origin: app, "access-control-request-method": "PUT" }, "GET")],
    ])("is not what it is: %s is passed on", async (_what, request) => {
      for (const options of [list, { origins: "*" } as const])
        expect((await pass(options, request)).passed).toBe(true);
    });

    test("max-age is in whole seconds", async () => {
      const ageOf = async (maxAgeMs: number) =>
        (await pass({ ...list, maxAgeMs }, preflightOf())).fields["access-control-max-age"];
      expect(await ageOf(1_999)).toBe("1");
      expect(await ageOf(0)).toBe("0");
    });
  });

  test("a function decides by origin and request", async () => {
    const asked: string[] = [];
    const options: CorsOptions = {
      origins: (origin, { authority }) => {
        asked.push(origin);
        return origin === "null" && authority === "api.example";
      },
    };
    expect((await pass(options, ask({ origin: "null" }))).fields).toEqual({
      "access-control-allow-origin": "null",
      vary: "origin",
    });
    expect((await pass(options, ask({ origin: app }))).fields).toEqual({ vary: "origin" });
    expect((await pass(options, ask({}))).fields).toEqual({ vary: "origin" });
    expect(asked).toEqual(["null", app]);
  });

  test("no request, allowed or not, gets the origin of another one, or credentials with *", async () => {
    const origin = fc.constantFrom(app, "https://a.shop.example", "https://evil.example", "null", "");
    const options = fc.constantFrom<CorsOptions>(
      { origins: "*" },
      { ...list, credentials: true },
      { origins: ["https://*.shop.example"], credentials: true },
    );
    await fc.assert(
      fc.asyncProperty(options, fc.option(origin), fc.boolean(), async (options, origin, preflight) => {
        const headers = origin === null ? {} : { origin };
        const request = preflight
          ? preflightOf(headers, origin ?? app)
          : ask(headers as Record<string, string>);
        const { fields } = await pass(options, request);
        const allowed = fields["access-control-allow-origin"];
        expect([undefined, "*", request.headers.get("origin")]).toContain(allowed);
        expect(allowed === "*" && "access-control-allow-credentials" in fields).toBe(false);
        expect(allowed === "*" || (fields["vary"] ?? "").includes("origin")).toBe(true);
      }),
    );
  });

  test("a response keeps its body and status", async () => {
    const body = bodyFrom(["lamps"]);
    const inner = service("inner", async (_: HttpRequest) => right(httpResponse(418, body)));
    const result = await cors(list)(inner).call(ask({ origin: app }));
    expect(result).toMatchObject({ right: { status: 418, body } });
  });

  test("describes its options", () => {
    const { service } = mockService<HttpRequest, HttpResponse>();
    expect(cors({ ...list, maxAgeMs: 5_000 })(service).describe()).toMatchObject({
      name: "cors",
      options: { ...list, methods: ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"], maxAgeMs: 5_000 },
    });
    expect(cors({ origins: () => true })(service).describe()).toMatchObject({
      options: { origins: "a function" },
    });
  });
});

describe("types of cors", () => {
  test("raises nothing and answers by itself", () => {
    expectTypeOf(cors(list)).toEqualTypeOf<
      Layer<HttpRequest, unknown, never, never, HttpResponse, HttpResponse>
    >();
    // @ts-expect-error: Type 'string' is not assignable to type 'HttpRequest'.
    new ServiceBuilder<string>().layer(cors(list));
  });

  test("requires what the function reads", () => {
    const origins = (_origin: string, { client }: HttpRequest & FromClient): boolean =>
      client.address === "local";
    // @ts-expect-error: Property 'client' is missing in type 'HttpRequest' but required in type 'FromClient'.
    new ServiceBuilder<HttpRequest>().layer(cors({ origins }));
    new ServiceBuilder<HttpRequest & FromClient>().layer(
      cors({ origins: (_origin, { client }) => client.address === "local" }),
    );
  });
});
