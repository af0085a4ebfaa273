import { mockService } from "@pagoda/core/testing";
import {
  type FromClient,
  HttpHeaders,
  type HttpRequest,
  type HttpResponse,
  httpResponse,
  type Identified,
} from "@pagoda/http";
import { conformance } from "@pagoda/http/testing";
import {
  type Aborted,
  type Fault,
  type Layer,
  left,
  service,
  type Service,
  ServiceBuilder,
} from "@pagoda/core";
import { describe, expect, expectTypeOf, test } from "vitest";
import { forwarded } from "@pagoda/forwarded";
import { client, type Field, pass, requestWith } from "./bench.ts";

describe("forwarded", () => {
  conformance(test, () => forwarded(), {
    request: () => requestWith([["accept", "*/*"]]),
    response: () => httpResponse(200),
    changes: { request: ["headers"], response: ["headers"] },
  });

  test("sets forwarding headers on the request", async () => {
    const { inner } = await pass(requestWith([["Host", "shop.example"]]));
    expect([...inner.headers]).toEqual([
      ["Host", "shop.example"],
      ["x-forwarded-for", client.address],
      ["x-forwarded-proto", "http"],
      ["x-forwarded-host", "shop.example"],
      ["via", "1.1 pagoda"],
      ["x-request-id", "new-1"],
    ]);
    expect(inner.requestId).toBe("new-1");
  });

  test("sets Via and the request's id on the response", async () => {
    const { outer } = await pass(requestWith([]), {}, [["Content-Type", "text/html"]]);
    expect([...outer.headers]).toEqual([
      ["Content-Type", "text/html"],
      ["via", "1.1 pagoda"],
      ["x-request-id", "new-1"],
    ]);
  });

  test("sets no Via if via is false, and keeps those of other hops", async () => {
    const { inner, outer } = await pass(requestWith([["Via", "1.1 edge"]]), { via: false }, [
      ["via", "1.1 o"],
    ]);
    expect(inner.headers.all("via")).toEqual(["1.1 edge"]);
    expect(outer.headers.all("via")).toEqual(["1.1 o"]);
  });

  test("gives each request a new id", async () => {
    const ids = new Set<string>();
    const leaf = service("leaf", async ({ requestId }: HttpRequest & Identified) => left(ids.add(requestId)));
    const layered = forwarded()(leaf);
    for (let n = 0; n < 10; n++) await layered.call(requestWith([]));
    expect(ids.size).toBe(10);
    for (const id of ids) expect(id).toMatch(/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/);
  });

  test("changes nothing else", async () => {
    const request = requestWith([], { method: "POST", body: httpResponse(200, "a body").body });
    const { inner } = await pass(request);
    const added = { requestId: 0, client: 0 };
    expect({ ...inner, ...added, headers: 0 }).toEqual({ ...request, ...added, headers: 0 });
    expect(inner.body).toBe(request.body);
  });

  test("passes errors through unchanged", async () => {
    const mock = mockService<HttpRequest & Identified, HttpResponse, Fault>();
    const result = forwarded()(mock.service).call(requestWith([]));
    const fault = { _tag: "Refused", origin: "upstream", retryable: false } as const;
    (await mock.next()).fail(fault);
    expect(await result).toEqual(left(fault));
  });

  test("removes hop-by-hop headers in both directions", async () => {
    const ofConnection: Field[] = [
      ["Connection", "Upgrade, X-Hop"],
      ["Keep-Alive", "timeout=5"],
      ["Proxy-Connection", "keep-alive"],
      ["Proxy-Authorization", "Basic YTpi"],
      ["Proxy-Authenticate", "Basic"],
      ["Transfer-Encoding", "chunked"],
      ["TE", "gzip"],
      ["Upgrade", "websocket"],
      ["HTTP2-Settings", "AAMAAABk"],
      ["x-hop", "1"],
    ];
    const endToEnd: Field[] = [
      ["Accept", "a"],
      ["accept", "b"],
      ["Trailer", "x-sum"],
      ["Proxy-Status", "edge"],
    ];
    const fields = [...endToEnd.slice(0, 2), ...ofConnection, ...endToEnd.slice(2)];
    const { inner, outer } = await pass(requestWith(fields), {}, fields);
    expect(inner.headers.raw.slice(0, 8)).toEqual(endToEnd.flat());
    expect(inner.headers.size).toBe(4 + 5);
    expect(outer.headers.raw.slice(0, 8)).toEqual(endToEnd.flat());
    expect(outer.headers.size).toBe(4 + 2);
  });

  test.each([
    "host",
    "Content-Length",
    "content-type",
    "authorization",
    "Cookie",
    "X-Forwarded-For",
    "X-Request-Id",
  ])("a client cannot remove %s by naming it in Connection", async (name) => {
    const fields: Field[] = [
      ["Connection", `close, ${name}`],
      [name, "1"],
    ];
    const { inner } = await pass(requestWith(fields));
    expect(inner.headers.has(name)).toBe(true);
    expect(inner.headers.has("connection")).toBe(false);
  });

  test("reduces TE to trailers, or removes it", async () => {
    const te = async (value: string) => (await pass(requestWith([["TE", value]]))).inner.headers.get("te");
    expect(await te("trailers")).toBe("trailers");
    expect(await te("gzip;q=0.5, Trailers")).toBe("trailers");
    expect(await te("gzip")).toBeUndefined();
    expect(await te("xtrailers")).toBeUndefined();
    expect(await te("")).toBeUndefined();
  });

  test("keeps TE if Connection names it, as it must (defect: did not)", async () => {
    const fields: Field[] = [
      ["Connection", "TE"],
      ["TE", "trailers"],
    ];
    expect((await pass(requestWith(fields))).inner.headers.get("te")).toBe("trailers");
  });

  test("removes Proxy-Authentication-Info, which is for the next proxy only (defect: did not)", async () => {
    const { outer } = await pass(requestWith([]), {}, [["Proxy-Authentication-Info", "x"]]);
    expect(outer.headers.has("proxy-authentication-info")).toBe(false);
  });

  test("appends Via in both directions", async () => {
    const fields: Field[] = [
      ["Via", "1.0 fred"],
      ["via", "1.1 edge"],
    ];
    const { inner, outer } = await pass(requestWith(fields, { version: "2" }), { via: "inner:80" }, fields);
    expect(inner.headers.all("via")).toEqual(["1.0 fred", "1.1 edge", "2 inner:80"]);
    expect(outer.headers.all("via")).toEqual(["1.0 fred", "1.1 edge", "1.1 inner:80"]);
  });

  test("replaces an id set by the origin", async () => {
    const { outer } = await pass(requestWith([]), {}, [["X-Request-ID", "theirs"]]);
    expect(outer.headers.all("x-request-id")).toEqual(["new-1"]);
  });

  test("removes hop-by-hop headers from informational responses (defect: did not)", async () => {
    const seen: [number, readonly string[]][] = [];
    const onInformation = (status: number, { raw }: HttpHeaders): void => void seen.push([status, raw]);
    const { inner } = await pass(requestWith([], { onInformation }));
    inner.onInformation?.(103, HttpHeaders.of({ link: "</a.css>", connection: "x-hop", "x-hop": "1" }));
    expect(seen).toEqual([[103, ["link", "</a.css>"]]]);
  });

  test.each(["", "a b", "a,b", "a\r\nb", "<a>"])("rejects a via of %j", (via) => {
    expect(() => forwarded({ via })).toThrow(RangeError);
    expect(() => forwarded({ via })).toThrow(
      `via must be false, or letters, digits and ._:- (got ${JSON.stringify(via)})`,
    );
  });

  test("describes its via", () => {
    const { service } = mockService<HttpRequest, HttpResponse>();
    expect(forwarded({ via: "edge" })(service).describe()).toMatchObject({
      name: "forwarded",
      options: { via: "edge" },
    });
  });
});

describe("types of forwarded", () => {
  const needsId = mockService<HttpRequest & Identified, HttpResponse>().service;

  test("adds the id and raises nothing", () => {
    expectTypeOf(forwarded()).toEqualTypeOf<
      Layer<HttpRequest, Identified & FromClient, never, never, never, HttpResponse>
    >();
    const stack = new ServiceBuilder<HttpRequest>().layer(forwarded()).service(needsId);
    expectTypeOf(stack).toEqualTypeOf<Service<HttpRequest, HttpResponse, Aborted>>();
  });

  test("a layer that requires the id does not compile without it", () => {
    // @ts-expect-error: Property 'requestId' is missing in type 'HttpRequest' but required in type 'Identified'.
    new ServiceBuilder<HttpRequest>().service(needsId);
  });

  test("does not compile around a service that is not HTTP", () => {
    // @ts-expect-error: a string is not an HttpRequest.
    new ServiceBuilder<string>().layer(forwarded());
  });
});
