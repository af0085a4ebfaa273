import { brotliCompressSync, gzipSync } from "node:zlib";
import { type Layer, left, right } from "@pagoda/core";
import { mockService } from "@pagoda/core/testing";
import {
  type Body,
  bodyFrom,
  emptyBody,
  httpRequest,
  type HttpRequest,
  type HttpResponse,
  httpResponse,
} from "@pagoda/http";
import { conformance } from "@pagoda/http/testing";
import { describe, expect, expectTypeOf, test } from "vitest";
import { decompressRequests, type DecompressOptions, type UnsupportedCoding } from "@pagoda/decompress";
import { acceptEncoding } from "./bench.ts";

function put(body: Body | Uint8Array, coding: string): HttpRequest {
  const headers = { "content-encoding": coding, "content-length": "99" };
  return httpRequest("http://shop.example/", { method: "PUT", body, headers });
}

/** The request that reaches inner. */
async function inside(request: HttpRequest, options?: DecompressOptions): Promise<HttpRequest> {
  const mock = mockService<HttpRequest, HttpResponse>();
  void decompressRequests(options)(mock.service).call(request);
  return (await mock.next()).request;
}

describe("decompressRequests", () => {
  conformance(test, () => decompressRequests());
  conformance(test, () => decompressRequests(), {
    request: () => put(Buffer.from("hello"), "identity"),
    response: () => httpResponse(200),
    changes: { request: ["headers"] },
  });

  test("decodes the body and removes what described it", async () => {
    const request = { ...put(bodyFrom([brotliCompressSync(gzipSync("hello"))]), "gzip, br"), more: 1 };
    const { headers, body, ...rest } = await inside(request);
    expect(headers.size).toBe(0);
    expect(await body.text()).toEqual(right("hello"));
    const { headers: _, body: __, ...same } = request;
    expect(rest).toEqual(same);
  });

  test.each(["compress", "gzip, compress"])("refuses %s without calling inner or reading", async (coding) => {
    const mock = mockService<HttpRequest, HttpResponse>();
    const request = put(bodyFrom(["a"]), coding);
    expect(await decompressRequests()(mock.service).call(request)).toEqual(
      left({
        _tag: "UnsupportedCoding",
        origin: "local",
        retryable: false,
        coding: "compress",
        acceptEncoding,
      }),
    );
    await mock.expectNoCall();
    expect(request.body.canRead).toBe(true);
  });

  test.each([
    ["without a coding", httpRequest("http://shop.example/", { method: "PUT", body: "a" })],
    ["without a body", put(emptyBody, "gzip")],
    ["for an upgrade", { ...put(gzipSync("a"), "gzip"), upgrade: "websocket" }],
    ["for CONNECT", { ...put(gzipSync("a"), "compress"), method: "CONNECT" }],
  ])("leaves a request %s unchanged", async (_, request) => {
    expect(await inside(request)).toBe(request);
  });

  test("a body that cannot be decoded is the client's fault", async () => {
    const { body } = await inside(put(gzipSync("hello").subarray(0, 9), "gzip"));
    expect(await body.text()).toMatchObject({
      left: { _tag: "BodyBroken", origin: "local", cause: { _tag: "Undecodable", origin: "local" } },
    });
    const { body: long } = await inside(put(gzipSync("hello"), "gzip"), { maxBytes: 4 });
    expect(await long.text()).toMatchObject({
      left: { _tag: "BodyBroken", origin: "local", cause: { _tag: "DecompressedTooLarge", origin: "local" } },
    });
  });

  test("rejects an option out of range", () => {
    expect(() => decompressRequests({ maxRatio: 0 })).toThrow(
      new RangeError("decompressRequests: maxRatio must be a number of at least 1, or Infinity (got 0)"),
    );
  });

  test("types: raises UnsupportedCoding", () => {
    expectTypeOf(decompressRequests()).toEqualTypeOf<Layer<HttpRequest, unknown, UnsupportedCoding>>();
  });
});
