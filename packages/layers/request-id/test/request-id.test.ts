import { type Fault, type Layer, left, right, service, ServiceBuilder } from "@pagoda/core";
import { mockService, virtualClock } from "@pagoda/core/testing";
import {
  type FromClient,
  HttpHeaders,
  type HttpRequest,
  httpRequest,
  type HttpResponse,
  httpResponse,
  type Identified,
  timeOrderedUuids,
} from "@pagoda/http";
import { conformance } from "@pagoda/http/testing";
import * as fc from "fast-check";
import { describe, expect, expectTypeOf, test } from "vitest";
import { requestId, type RequestIdOptions } from "@pagoda/request-id";

/** Sends a request with these fields through the layer, which makes the id `new`. */
async function pass(
  fields: readonly (readonly [string, string])[],
  options: RequestIdOptions = {},
  answer: readonly (readonly [string, string])[] = [],
) {
  const mock = mockService<HttpRequest & Identified, HttpResponse>();
  const request = { ...httpRequest("http://shop.example/cart"), headers: HttpHeaders.of(fields) };
  const result = requestId({ newId: () => "new", ...options })(mock.service).call(request);
  const call = await mock.next();
  call.answer(httpResponse(200, undefined, HttpHeaders.of(answer)));
  const settled = await result;
  if (settled._tag === "Left") throw new Error("the mock responded, but the layer failed");
  return { request, inner: call.request, outer: settled.right };
}

const trust = (): boolean => true;

describe("requestId", () => {
  conformance(test, () => requestId(), { changes: { request: ["headers"], response: ["headers"] } });

  test("adds an id to the request, its header and the response", async () => {
    const { inner, outer } = await pass([["Accept", "*/*"]], {}, [["Content-Type", "text/html"]]);
    expect(inner.requestId).toBe("new");
    expect([...inner.headers]).toEqual([
      ["Accept", "*/*"],
      ["x-request-id", "new"],
    ]);
    expect([...outer.headers]).toEqual([
      ["Content-Type", "text/html"],
      ["x-request-id", "new"],
    ]);
  });

  test("changes nothing else", async () => {
    const { request, inner } = await pass([]);
    expect({ ...inner, headers: 0, requestId: 0 }).toEqual({ ...request, headers: 0, requestId: 0 });
    expect(inner.notes).toBe(request.notes);
  });

  test("replaces the id of a request that is not trusted", async () => {
    const { inner, outer } = await pass([["X-Request-ID", "theirs"]]);
    expect(inner.requestId).toBe("new");
    expect(inner.headers.all("x-request-id")).toEqual(["new"]);
    expect(outer.headers.all("x-request-id")).toEqual(["new"]);
  });

  test("keeps the id of a trusted request", async () => {
    const { request, inner, outer } = await pass([["X-Request-ID", "theirs"]], { trust });
    expect(inner.requestId).toBe("theirs");
    expect(inner.headers).toBe(request.headers);
    expect(outer.headers.all("x-request-id")).toEqual(["theirs"]);
  });

  test("trust decides by the request", async () => {
    const isOurs = ({ headers }: HttpRequest): boolean => headers.get("user-agent") === "gateway";
    const theirs = ["x-request-id", "theirs"] as const;
    expect((await pass([theirs, ["user-agent", "gateway"]], { trust: isOurs })).inner.requestId).toBe(
      "theirs",
    );
    expect((await pass([theirs, ["user-agent", "curl"]], { trust: isOurs })).inner.requestId).toBe("new");
  });

  test.each([
    ["empty", [""]],
    ["with a comma", ["a,b"]],
    ["with a space", ["a b"]],
    ["not ASCII", ["é"]],
    ["too long", ["a".repeat(129)]],
    ["repeated", ["a", "a"]],
  ])("replaces an invalid id even of a trusted request: %s", async (_what, ids) => {
    const { inner } = await pass(
      ids.map((id) => ["x-request-id", id] as const),
      { trust },
    );
    expect(inner.requestId).toBe("new");
    expect(inner.headers.all("x-request-id")).toEqual(["new"]);
  });

  test("the longest valid id is kept", async () => {
    expect((await pass([["x-request-id", "a".repeat(128)]], { trust })).inner.requestId).toHaveLength(128);
  });

  test("whatever clients send, one id identifies the call everywhere", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.string(), { maxLength: 3 }), fc.boolean(), async (ids, trusted) => {
        const { inner, outer } = await pass(
          ids.map((id) => ["x-request-id", id] as const),
          { trust: () => trusted },
          [["X-Request-Id", "the origin's"]],
        );
        const { requestId } = inner;
        expect(requestId).toMatch(/^[!-+\--~]{1,128}$/);
        expect(inner.headers.all("x-request-id")).toEqual([requestId]);
        expect(outer.headers.all("x-request-id")).toEqual([requestId]);
        expect(trusted || requestId === "new").toBe(true);
      }),
    );
  });

  test("by default, each request gets a random UUID of its own", async () => {
    const leaf = service("leaf", async ({ requestId }: HttpRequest & Identified) => left(requestId));
    const layered = requestId()(leaf);
    const ids = await Promise.all(
      Array.from({ length: 10 }, () => layered.call(httpRequest("http://a.example/"))),
    );
    expect(new Set(ids.map((id) => (id as { left: string }).left)).size).toBe(10);
    for (const id of ids)
      expect(id).toMatchObject({ left: expect.stringMatching(/^[\da-f]{8}-[\da-f]{4}-4/) as string });
  });

  test("newId makes the ids: UUIDs of version 7, for example", async () => {
    const { inner } = await pass([], { newId: timeOrderedUuids(virtualClock()) });
    expect(inner.requestId).toMatch(/^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-/);
  });

  test("passes errors through unchanged", async () => {
    const mock = mockService<HttpRequest & Identified, HttpResponse, Fault>();
    const result = requestId()(mock.service).call(httpRequest("http://a.example/"));
    const down: Fault = { _tag: "Down", origin: "upstream", retryable: true };
    (await mock.next()).fail(down);
    expect(await result).toEqual(left(down));
  });
});

describe("types of requestId", () => {
  const http = new ServiceBuilder<HttpRequest>();

  test("adds the id and raises nothing", () => {
    expectTypeOf(requestId()).toEqualTypeOf<
      Layer<HttpRequest, Identified, never, never, never, HttpResponse>
    >();
    const handler = service("handler", async ({ requestId }: HttpRequest & Identified) =>
      right(httpResponse(200, requestId)),
    );
    http.layer(requestId()).service(handler);
    // @ts-expect-error: Property 'requestId' is missing in type 'HttpRequest' but required in type 'Identified'.
    http.service(handler);
  });

  test("requires what trust reads", () => {
    const byClient = requestId({
      trust: ({ client }: HttpRequest & FromClient) => client.identity === "edge",
    });
    // @ts-expect-error: Property 'client' is missing in type 'HttpRequest' but required in type 'FromClient'.
    http.layer(byClient);
    new ServiceBuilder<HttpRequest & FromClient>().layer(
      requestId({ trust: ({ client }) => client.identity === "edge" }),
    );
  });
});
