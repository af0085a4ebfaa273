import { type Aborted, type Layer, left, type Service, ServiceBuilder } from "@pagoda/core";
import { mockService } from "@pagoda/core/testing";
import { bodyFrom, bodyOf, emptyBody, type HttpRequest, type HttpResponse, httpResponse } from "@pagoda/http";
import { conformance } from "@pagoda/http/testing";
import { describe, expect, expectTypeOf, test } from "vitest";
import { type Coding, compress, compressibleTypes } from "@pagoda/compress";
import { codings, compressed, decompressed, type Fields, get, long, page, Source, through } from "./bench.ts";

describe("compress", () => {
  conformance(test, () => compress());
  conformance(test, () => compress(), {
    request: () => get({ "accept-encoding": "gzip" }),
    changes: { response: ["headers", "body"] },
  });

  describe.each<Coding>(codings)("%s", (coding) => {
    const request = get({ "accept-encoding": coding });

    test.each([
      ["that has arrived", () => bodyOf(long), true],
      ["that is long", () => bodyOf(long.repeat(20)), false],
      ["that streams", () => bodyFrom([long, long]), false],
    ])("compresses a body %s", async (_, make, hasLength) => {
      const plain = await make().bytes();
      const response = await through(request, httpResponse(200, make(), page));
      expect([...response.headers]).toEqual([
        ...Object.entries(page),
        ["content-encoding", coding],
        ["vary", "accept-encoding"],
      ]);
      expect(response.body.length !== undefined).toBe(hasLength);
      const bytes = await response.body.bytes();
      if (bytes._tag === "Left" || plain._tag === "Left") throw new Error("broken");
      expect(decompressed[coding](bytes.right).equals(plain.right)).toBe(true);
      expect(bytes.right.length).toBeLessThan(plain.right.length / 10);
    });

    test("levels are used", async () => {
      // Text with little repetition.
      const text = Array.from({ length: 3_000 }, (_, n) => String(Math.imul(n, 2_654_435_761))).join(" ");
      const sizes = [1, 9].map(async (level) => {
        const { body } = await through(request, httpResponse(200, bodyOf(text), page), {
          levels: { [coding]: level },
        });
        const bytes = await body.bytes();
        return bytes._tag === "Right" ? bytes.right.length : 0;
      });
      const [fast, best] = await Promise.all(sizes);
      expect(best).not.toBe(fast);
    });

    test("a body of unknown length that is empty becomes an empty stream", async () => {
      const { body } = await through(request, httpResponse(200, bodyFrom([]), page));
      const bytes = await body.bytes();
      if (bytes._tag === "Left") throw new Error("broken");
      expect(bytes.right.length).toBeGreaterThan(0);
      expect(decompressed[coding](bytes.right).length).toBe(0);
    });
  });

  test("prefers zstd, then br", async () => {
    expect((await compressed(long)).headers.get("content-encoding")).toBe("zstd");
    const { headers } = await compressed(long, page, { codings: ["br", "gzip"] });
    expect(headers.get("content-encoding")).toBe("br");
  });

  test("removes Content-Length and Accept-Ranges, and weakens ETag", async () => {
    const { headers } = await compressed(long, {
      ...page,
      "Content-Length": String(long.length),
      "Accept-Ranges": "bytes",
      ETag: '"1"',
      date: "now",
    });
    expect([...headers]).toEqual([
      ...Object.entries(page),
      ["ETag", 'W/"1"'],
      ["date", "now"],
      ["content-encoding", "zstd"],
      ["vary", "accept-encoding"],
    ]);
    const again = await compressed(long, { ...page, etag: 'W/"1"' });
    expect(again.headers.get("etag")).toBe('W/"1"');
  });

  test.each<[readonly string[], readonly string[]]>([
    [["origin"], ["origin, accept-encoding"]],
    [["origin", "cookie"], ["origin, cookie, accept-encoding"]],
    [["Accept-Encoding"], ["Accept-Encoding"]],
    [["*"], ["*"]],
  ])("Vary: %j becomes %j", async (vary, expected) => {
    expect((await compressed(long, { ...page, vary })).headers.all("vary")).toEqual(expected);
  });

  test.each<[string, Fields]>([
    ["accepts none", {}],
    ["accepts only others", { "accept-encoding": "deflate" }],
    ["prefers none", { "accept-encoding": "identity, gzip;q=0.5" }],
    ["forbids a transformation", { "accept-encoding": "gzip", "cache-control": "max-age=0, no-transform" }],
  ])("a request that %s gets the content as it is, with Vary", async (_, headers) => {
    const response = httpResponse(200, long, { ...page, etag: '"1"' });
    const given = await through(get(headers), response);
    expect(given).toEqual({ ...response, headers: response.headers.append("vary", "accept-encoding") });
    expect(given.body).toBe(response.body);
  });

  describe("does not change", () => {
    test.each<[string, HttpResponse]>([
      ["a short body", httpResponse(200, long.slice(0, 1_023), page)],
      [
        "a short body by its Content-Length",
        httpResponse(200, bodyFrom(["a"]), { ...page, "content-length": "1" }),
      ],
      ["an image", httpResponse(200, long, { "content-type": "image/png" })],
      ["a body without a type", httpResponse(200, long)],
      ["an encoded body", httpResponse(200, long, { ...page, "content-encoding": "gzip" })],
      ["no-transform", httpResponse(200, long, { ...page, "cache-control": "public, No-Transform" })],
      ["a part", httpResponse(206, long, { ...page, "content-range": "bytes 0-9/20" })],
      ["a refused range", httpResponse(416, long, { ...page, "content-range": "bytes */20" })],
      ["a digest of the content", httpResponse(200, long, { ...page, "content-digest": "sha-256=:AA==:" })],
      [
        "a digest of the representation",
        httpResponse(200, long, { ...page, "repr-digest": "sha-256=:AA==:" }),
      ],
      ["a digest", httpResponse(200, long, { ...page, digest: "sha-256=AA==" })],
      ["an MD5 sum", httpResponse(200, long, { ...page, "content-md5": "AA==" })],
      ["204", httpResponse(204, bodyFrom([long]), page)],
      ["205", httpResponse(205, bodyFrom([long]), page)],
      ["an empty body", httpResponse(200, emptyBody, page)],
      ["gRPC", httpResponse(200, bodyFrom([long]), { "content-type": "application/grpc+json" })],
      ["gRPC-Web", httpResponse(200, bodyFrom([long]), { "content-type": "application/grpc-web+proto" })],
    ])("%s", async (_, response) => {
      const given = await through(get({ "accept-encoding": "gzip" }), response, {
        types: [...compressibleTypes, "application/grpc+json"],
      });
      expect(given).toBe(response);
    });

    test.each([
      ["an upgrade", { upgrade: "websocket" }],
      ["CONNECT", { method: "CONNECT" }],
    ])("the response to %s, which opens a tunnel", async (_, parts) => {
      for (const status of [101, 200]) {
        const response = httpResponse(status, bodyFrom([long]), page);
        expect(await through({ ...get({ "accept-encoding": "gzip" }), ...parts }, response)).toBe(response);
      }
    });
  });

  test.each([404, 500, 203])("compresses a response with status %d", async (status) => {
    const response = await through(get({ "accept-encoding": "gzip" }), httpResponse(status, long, page));
    expect([response.status, response.headers.get("content-encoding")]).toEqual([status, "gzip"]);
  });

  test("a body of minBytes is compressed, one byte less is not", async () => {
    const options = { minBytes: 10 };
    const ofTen = await compressed("0123456789", page, options);
    expect(ofTen.headers.get("content-encoding")).toBe("zstd");
    expect((await compressed("012345678", page, options)).headers.has("vary")).toBe(false);
  });

  test("an empty body is not compressed, whatever minBytes is", async () => {
    const response = httpResponse(200, emptyBody, page);
    expect(await through(get({ "accept-encoding": "gzip" }), response, { minBytes: 0 })).toBe(response);
  });

  test.each([
    [16_384, true],
    [16_385, false],
  ])("%d bytes that have arrived without a length are compressed at once: %s", async (length, isAtOnce) => {
    const source = new Source();
    source.give("x".repeat(length));
    source.all();
    const response = { ...httpResponse(200, undefined, page), body: source };
    const { body } = await through(get({ "accept-encoding": "gzip" }), response);
    expect(body.length !== undefined).toBe(isAtOnce);
    const bytes = await body.bytes();
    expect(bytes._tag === "Right" && decompressed.gzip(bytes.right).length).toBe(length);
  });

  test("trailers and other parts of the response stay", async () => {
    const fault = { _tag: "Down", origin: "local", retryable: false } as const;
    const response = { ...httpResponse(503, long, page), statusText: "Closed", fault, version: "2" as const };
    const {
      status,
      statusText,
      fault: same,
      version,
    } = await through(get({ "accept-encoding": "br" }), response);
    expect([status, statusText, same, version]).toEqual([503, "Closed", fault, "2"]);
  });

  test("errors pass", async () => {
    const mock = mockService<HttpRequest, HttpResponse, { readonly _tag: "Down" }>();
    const result = compress()(mock.service).call(get({ "accept-encoding": "gzip" }));
    (await mock.next()).fail({ _tag: "Down" });
    expect(await result).toEqual(left({ _tag: "Down" }));
  });
});

describe("HEAD", () => {
  test.each<[string, Fields]>([
    ["with a length", { ...page, "content-length": "5000" }],
    ["without one", page],
  ])("gets the fields that GET would get, %s", async (_, fields) => {
    const headers = { ...fields, etag: '"1"' };
    const request = { "accept-encoding": "gzip" };
    const head = await through(get(request, "HEAD"), httpResponse(200, emptyBody, headers));
    const whole = await through(get(request), httpResponse(200, bodyFrom([long]), headers));
    expect(head.headers).toEqual(whole.headers);
    expect(head.headers.get("content-encoding")).toBe("gzip");
    expect(head.body).toBe(emptyBody);
  });

  test("defect: got the length of an empty body that was compressed, from a transport", async () => {
    const empty = new Source(0);
    empty.all();
    const response = { ...httpResponse(200, undefined, { ...page, "content-length": "5000" }), body: empty };
    const { headers, body } = await through(get({ "accept-encoding": "gzip" }, "HEAD"), response);
    expect([headers.get("content-encoding"), headers.has("content-length")]).toEqual(["gzip", false]);
    expect(body).toBe(empty);
  });

  test("announces no length of a body that is not sent", async () => {
    const { headers, body } = await through(
      get({ "accept-encoding": "gzip" }, "HEAD"),
      httpResponse(200, long, page),
    );
    expect([headers.get("content-encoding"), body.length]).toEqual(["gzip", undefined]);
  });

  test("of a short body is unchanged, as GET is", async () => {
    const response = httpResponse(200, emptyBody, { ...page, "content-length": "5" });
    expect(await through(get({ "accept-encoding": "gzip" }, "HEAD"), response)).toBe(response);
  });
});

describe("304", () => {
  const cases: [string, string, Fields, string][] = [
    ["the tag stays strong for a client that has the plain content", '"1"', {}, '"1"'],
    ["the tag is weak for a client that has the compressed content", 'W/"1"', {}, 'W/"1"'],
    ["the tag is weak if it is in a list", '"0", W/"1"', {}, 'W/"1"'],
    ["other tags do not count", 'W/"0"', {}, '"1"'],
  ];
  test.each(cases)("%s", async (_, ifNoneMatch, more, expected) => {
    const request = get({ "if-none-match": ifNoneMatch, "accept-encoding": "gzip" });
    const { headers } = await through(request, httpResponse(304, emptyBody, { etag: '"1"', ...more }));
    expect([headers.get("etag"), headers.get("vary")]).toEqual([expected, "accept-encoding"]);
  });

  test("of another type is unchanged", async () => {
    const response = httpResponse(304, emptyBody, { etag: '"1"', "content-type": "image/png" });
    expect(await through(get({ "if-none-match": 'W/"1"' }), response)).toBe(response);
  });
});

describe("cross-site requests (BREACH)", () => {
  const from = (site: string, more: Fields): Fields => ({
    "accept-encoding": "gzip",
    "sec-fetch-site": site,
    ...more,
  });
  const response = httpResponse(200, long, page);

  test.each<[string, Fields]>([
    ["a cookie", { cookie: "session=1" }],
    ["Authorization", { authorization: "Basic YTpi" }],
  ])("with %s get the content as it is, with Vary", async (_, credentials) => {
    const { headers, body } = await through(get(from("cross-site", credentials)), response);
    expect([headers.get("vary"), headers.has("content-encoding")]).toEqual(["accept-encoding", false]);
    expect(body).toBe(response.body);
  });

  test("with a client certificate, too", async () => {
    const certificate = { subject: "CN=ann", uris: [], names: [], sha256: "" };
    const request = {
      ...get(from("cross-site", {})),
      peer: { address: "192.0.2.1", port: 1, certificate },
    };
    expect((await through(request, response)).headers.has("content-encoding")).toBe(false);
  });

  test.each<[string, Fields]>([
    ["without credentials", from("cross-site", {})],
    ["of the same site", from("same-site", { cookie: "a=1" })],
    ["of the same origin", from("same-origin", { cookie: "a=1" })],
    ["that the user began", from("none", { cookie: "a=1" })],
    ["of a client other than a browser", { "accept-encoding": "gzip", authorization: "Bearer 1" }],
  ])("requests %s get it compressed", async (_, headers) => {
    expect((await through(get(headers), response)).headers.get("content-encoding")).toBe("gzip");
  });

  test("are treated like others with crossSite", async () => {
    const request = get(from("cross-site", { cookie: "session=1" }));
    const { headers } = await through(request, response, { crossSite: true });
    expect(headers.get("content-encoding")).toBe("gzip");
  });
});

describe("types", () => {
  test.each([
    "text/html",
    "text/event-stream",
    "TEXT/CSS; charset=utf-8",
    "application/json;charset=utf-8",
    "application/problem+json",
    "application/vnd.api+json",
    "image/svg+xml",
    "application/wasm",
    "font/ttf",
  ])("%s is compressed by default", async (type) => {
    expect((await compressed(long, { "content-type": type })).headers.has("content-encoding")).toBe(true);
  });

  test.each([
    "image/jpeg",
    "font/woff2",
    "application/zip",
    "application/octet-stream",
    "textual/x",
    "x",
    "",
  ])("%s is not", async (type) => {
    expect((await compressed(long, { "content-type": type })).headers.has("vary")).toBe(false);
  });

  test("are configurable", async () => {
    const options = { types: ["application/x-lamp", "Model/*", "*+cbor"] };
    for (const type of ["application/x-lamp", "model/gltf", "application/x+cbor"])
      expect((await compressed(long, { "content-type": type }, options)).headers.has("vary")).toBe(true);
    expect((await compressed(long, page, options)).headers.has("vary")).toBe(false);
  });
});

describe("options", () => {
  test.each<[Parameters<typeof compress>[0], string]>([
    [{ codings: [] }, "compress: codings must be a list with at least one coding (got [])"],
    [
      { codings: ["gzip", "deflate" as Coding] },
      'compress: codings[1] must be one of zstd, br, gzip, once (got "deflate")',
    ],
    [{ codings: ["gzip", "gzip"] }, 'compress: codings[1] must be one of zstd, br, gzip, once (got "gzip")'],
    [{ levels: { gzip: 10 } }, "compress: levels.gzip must be an integer from 1 to 9 (got 10)"],
    [{ levels: { br: 1.5 } }, "compress: levels.br must be an integer from 0 to 11 (got 1.5)"],
    [{ levels: { zstd: 0 } }, "compress: levels.zstd must be an integer from 1 to 22 (got 0)"],
    [{ minBytes: -1 }, "compress: minBytes must be an integer of at least 0 (got -1)"],
    [
      { types: ["text/*", "json"] },
      'compress: types[1] must be a media type such as text/html, text/* or *+json (got "json")',
    ],
  ])("rejects %j", (options, message) => {
    expect(() => compress(options)).toThrow(new RangeError(message));
  });

  test("are described, with defaults", () => {
    const { service } = mockService<HttpRequest, HttpResponse>();
    expect(compress({ types: ["text/*"] })(service).describe()).toMatchObject({
      name: "compress",
      options: {
        codings: ["zstd", "br", "gzip"],
        levels: { zstd: 3, br: 4, gzip: 4 },
        minBytes: 1_024,
        types: ["text/*"],
        crossSite: false,
      },
    });
  });
});

test("types: neither adds errors nor changes what passes", () => {
  expectTypeOf(compress()).toEqualTypeOf<Layer<HttpRequest, unknown, never, never, never, HttpResponse>>();
  const stack = new ServiceBuilder<HttpRequest>()
    .layer(compress())
    .service(mockService<HttpRequest, HttpResponse, "down">().service);
  expectTypeOf(stack).toExtend<Service<HttpRequest, HttpResponse, "down" | Aborted>>();
  const numbers = mockService<HttpRequest, number>().service;
  // @ts-expect-error Type 'number' is not assignable to type 'HttpResponse'.
  new ServiceBuilder<HttpRequest>().layer(compress()).service(numbers);
});
