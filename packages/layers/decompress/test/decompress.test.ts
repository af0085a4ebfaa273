import { brotliCompressSync, gzipSync, zstdCompressSync } from "node:zlib";
import { type Aborted, left, type Layer, right, type Service, ServiceBuilder } from "@pagoda/core";
import { mockService } from "@pagoda/core/testing";
import {
  bodyFrom,
  bodyOf,
  emptyBody,
  HttpHeaders,
  type HttpRequest,
  type HttpResponse,
  httpResponse,
} from "@pagoda/http";
import { conformance } from "@pagoda/http/testing";
import * as fc from "fast-check";
import { describe, expect, expectTypeOf, test } from "vitest";
import { decompress, supportedCodings } from "@pagoda/decompress";
import { acceptEncoding, compressions, encoded, get, Source, through } from "./bench.ts";

const content = "All work and no play makes Jack a dull boy. ".repeat(50);
const bytes = Buffer.from(content);
const hasZstd = supportedCodings.includes("zstd");

describe("decompress", () => {
  conformance(test, () => decompress(), { changes: { request: ["headers"] } });
  conformance(test, () => decompress(), { request: () => get({ "accept-encoding": "gzip" }) });

  describe.each(compressions)("%s", (name, coding, compress) => {
    test.each([
      ["has arrived", (all: Uint8Array) => bodyOf(all)],
      ["streams", (all: Uint8Array) => bodyFrom([all.subarray(0, 1), all.subarray(1, 20), all.subarray(20)])],
    ])("decodes a body that %s", async (_, make) => {
      const whole = compress(bytes);
      const headers = { "Content-Encoding": name, "content-length": String(whole.length), etag: '"1"' };
      const response = { ...httpResponse(200, make(whole), headers), version: "2" as const };
      const given = await through(response);
      expect([...given.headers]).toEqual([["etag", '"1"']]);
      expect([given.status, given.version, given.body.length]).toEqual([200, "2", undefined]);
      expect(await given.body.text()).toEqual(right(content));
    });

    test("an empty body is empty, although a coding is named", async () => {
      expect(await (await through(encoded(bodyFrom([]), name))).body.text()).toEqual(right(""));
    });

    test("a truncated body breaks off instead of ending", async () => {
      const whole = compress(bytes);
      for (const length of [1, whole.length >> 1, whole.length - 1]) {
        const { body } = await through(encoded(whole.subarray(0, length), name));
        expect(await body.bytes()).toMatchObject({
          left: {
            _tag: "BodyBroken",
            origin: "upstream",
            cause: {
              _tag: "Undecodable",
              origin: "upstream",
              retryable: false,
              coding,
              cause: { message: "unexpected end of file" },
            },
          },
        });
      }
    });

    test("a body in another format breaks off and stops its source", async () => {
      const source = new Source();
      const { body } = await through(encoded(source, name));
      const read = body.bytes();
      source.give(Buffer.from("\x00\xff not compressed at all"));
      source.give(Buffer.from("more"));
      expect(await read).toMatchObject({ left: { _tag: "BodyBroken", cause: { _tag: "Undecodable" } } });
      expect(source.events).toEqual(["stop"]);
    });

    test("a source that breaks off breaks it with the same fault", async () => {
      const source = new Source();
      const { body } = await through(encoded(source, name));
      const read = body.bytes();
      source.give(compress(bytes).subarray(0, 10));
      source.break("gone");
      expect(await read).toMatchObject({ left: { _tag: "BodyBroken", cause: "gone" } });
    });

    test("keeps its trailers", async () => {
      const source = new Source();
      const { body } = await through(encoded(source, name));
      const trailers = HttpHeaders.of({ "x-sum": "1" });
      const ended = new Promise((end) => body.pipe({ write: () => true, end, fail: end }));
      source.give(compress(bytes));
      source.all(trailers);
      expect(await ended).toBe(trailers);
    });

    test("property: any content in any chunks comes out the same", async () => {
      const pieces = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 10 });
      const cuts = fc.array(fc.nat({ max: 400 }), { maxLength: 20 });
      await fc.assert(
        fc.asyncProperty(pieces, fc.integer({ min: 1, max: 200 }), cuts, async (parts, times, lengths) => {
          const all = Buffer.concat(Array.from({ length: times }, () => Buffer.concat(parts)));
          const compressed = compress(all);
          const chunks: Uint8Array[] = [];
          let at = 0;
          for (const length of lengths) chunks.push(compressed.subarray(at, (at += length)));
          chunks.push(compressed.subarray(at));
          const { body } = await through(encoded(bodyFrom(chunks), name));
          const read = await body.bytes({ maxBytes: Infinity });
          expect(read._tag === "Right" && all.equals(read.right)).toBe(true);
        }),
        { numRuns: 50 },
      );
    });
  });

  test.each([
    ["one line", ["gzip, br"]],
    ["several lines", ["gzip", "br"]],
    ["with identity", ["gzip, identity", "br"]],
  ])("decodes several codings, in the reverse order: %s", async (_, coding) => {
    const { body } = await through(encoded(brotliCompressSync(gzipSync(bytes)), coding));
    expect(await body.text()).toEqual(right(content));
  });

  test("decodes five codings, not six", async () => {
    let all: Buffer = bytes;
    for (let n = 0; n < 5; n++) all = gzipSync(all);
    const five = await through(encoded(all, "gzip, gzip, gzip, gzip, gzip"));
    expect(await five.body.text()).toEqual(right(content));
    const six = encoded(all, "gzip, gzip, gzip, gzip, gzip, gzip");
    expect(await through(six)).toBe(six);
  });

  const framed = compressions.filter(([name]) => name === "zstd" || name === "gzip");
  describe.each(framed)("%s in several frames or members", (_, coding, compress) => {
    const frames = Buffer.concat(["a".repeat(99), "bc", ""].map((text) => compress(Buffer.from(text))));

    test("is decoded however it is cut", async () => {
      for (let cut = 0; cut < frames.length; cut++) {
        const { body } = await through(
          encoded(bodyFrom([frames.subarray(0, cut), frames.subarray(cut)]), coding),
        );
        expect(await body.text()).toEqual(right(`${"a".repeat(99)}bc`));
      }
    });

    test("breaks off if one of them is truncated, after its magic number of up to 4 bytes", async () => {
      for (let missing = 1; missing <= compress(Buffer.alloc(0)).length - 4; missing++) {
        const { body } = await through(encoded(bodyOf(frames.subarray(0, -missing)), coding));
        expect(await body.text()).toMatchObject({ left: { _tag: "BodyBroken" } });
      }
    });
  });

  test.each(["br", "deflate"])("ignores what follows the end of %s, but not trailers", async (coding) => {
    const compress = compressions.find(([name]) => name === coding)?.[2] as (bytes: Buffer) => Buffer;
    const source = new Source();
    const { body } = await through(encoded(source, coding));
    let all = "";
    const write = (chunk: Uint8Array): boolean => ((all += Buffer.from(chunk).toString()), true);
    const ended = new Promise((end) => body.pipe({ write, end, fail: end }));
    const trailers = HttpHeaders.of({ "x-sum": "1" });
    source.give(Buffer.concat([compress(bytes), Buffer.from("more")]));
    source.give(Buffer.from("and more"));
    source.all(trailers);
    expect(await ended).toBe(trailers);
    expect(all).toBe(content);
  });

  test.each<[string, HttpResponse, HttpRequest?]>([
    ["without a coding", httpResponse(200, content)],
    ["in another coding", encoded(bytes, "compress")],
    ["in another coding below", encoded(bytes, "compress, gzip")],
    ["to HEAD", encoded(emptyBody, "gzip"), get({}, "HEAD")],
    ["to HEAD with a body", encoded(gzipSync(bytes), "gzip"), get({}, "HEAD")],
    ["without a body", httpResponse(304, emptyBody, { "content-encoding": "gzip" })],
    ["that is a part", { ...encoded(gzipSync(bytes), "gzip"), status: 206 }],
    [
      "to an upgrade",
      { ...encoded(gzipSync(bytes), "gzip"), status: 101 },
      { ...get(), upgrade: "websocket" },
    ],
    ["to CONNECT", encoded(gzipSync(bytes), "gzip"), get({}, "CONNECT")],
  ])("leaves a response %s unchanged", async (_, response, request) => {
    expect(await through(response, {}, request)).toBe(response);
  });

  test("identity does not count as a coding", async () => {
    const { headers, body } = await through(encoded(bytes, "identity"));
    expect([headers.has("content-encoding"), body.length]).toEqual([false, bytes.length]);
  });

  test("errors pass", async () => {
    const mock = mockService<HttpRequest, HttpResponse, { readonly _tag: "Down" }>();
    const result = decompress()(mock.service).call(get());
    (await mock.next()).fail({ _tag: "Down" });
    expect(await result).toEqual(left({ _tag: "Down" }));
  });
});

describe("Accept-Encoding", () => {
  test.each<[string, HttpRequest, readonly string[]]>([
    ["is set", get(), [acceptEncoding]],
    ["is set for HEAD", get({}, "HEAD"), [acceptEncoding]],
    ["of the caller stays", get({ "Accept-Encoding": "br" }), ["br"]],
    ["of the caller stays, even if empty", get({ "accept-encoding": "" }), [""]],
    ["is identity for a range", get({ range: "bytes=0-9" }), ["identity"]],
    ["is not set for gRPC", get({ "content-type": "application/grpc" }, "POST"), []],
    ["is not set for an upgrade", { ...get(), upgrade: "websocket" }, []],
    ["is not set for CONNECT", get({}, "CONNECT"), []],
  ])("%s", async (_, request, expected) => {
    const mock = mockService<HttpRequest, HttpResponse>();
    void decompress()(mock.service).call(request);
    expect((await mock.next()).request.headers.all("accept-encoding")).toEqual(expected);
  });
});

describe("limits", () => {
  const bomb = gzipSync(Buffer.alloc(2_000_000));
  const tooLarge = { _tag: "DecompressedTooLarge", origin: "upstream", retryable: false };

  test("a body over maxRatio breaks off and stops its source", async () => {
    const source = new Source();
    const { body } = await through(encoded(source, "gzip"));
    let size = 0;
    const ended = new Promise((end) =>
      body.pipe({ write: (chunk) => ((size += chunk.length), true), end, fail: end }),
    );
    source.give(bomb);
    expect(await ended).toMatchObject({
      _tag: "BodyBroken",
      cause: { ...tooLarge, limit: "maxRatio", maxRatio: 200, maxBytes: Infinity },
    });
    expect(size).toBeLessThanOrEqual(1_048_576);
    expect(size).toBeGreaterThan(900_000);
    expect(source.events).toEqual(["stop"]);
  });

  test("a body of up to 1 MiB may have any ratio", async () => {
    const { body } = await through(encoded(gzipSync(Buffer.alloc(1_048_576)), "gzip"), { maxRatio: 1 });
    const read = await body.bytes();
    expect(read._tag === "Right" && read.right.length).toBe(1_048_576);
  });

  test("maxRatio is configurable", async () => {
    for (const [maxRatio, passes] of [
      [900, false],
      [1_100, true],
      [Infinity, true],
    ] as const) {
      const { body } = await through(encoded(bomb, "gzip"), { maxRatio });
      expect((await body.bytes({ maxBytes: Infinity }))._tag).toBe(passes ? "Right" : "Left");
    }
  });

  test("the ratio is that of all codings together", async () => {
    const zeros = gzipSync(Buffer.alloc(20_000_000));
    // Each of them stays below the limit.
    const { body } = await through(encoded(gzipSync(zeros), "gzip, gzip"), { maxRatio: 1_100 });
    expect(await body.bytes({ maxBytes: Infinity })).toMatchObject({
      left: { cause: { _tag: "DecompressedTooLarge", limit: "maxRatio" } },
    });
  });

  test.runIf(hasZstd)("frames of zstd count together", async () => {
    const frame = zstdCompressSync(Buffer.alloc(600_000));
    const { body } = await through(encoded(Buffer.concat([frame, frame]), "zstd"));
    expect(await body.bytes({ maxBytes: Infinity })).toMatchObject({
      left: { cause: { limit: "maxRatio" } },
    });
    const { body: fine } = await through(encoded(Buffer.concat([frame, frame]), "zstd"), {
      maxRatio: (1.2 * 600_000) / frame.length,
    });
    expect((await fine.bytes({ maxBytes: Infinity }))._tag).toBe("Right");
  });

  test("maxBytes is the size that still passes", async () => {
    const passing = await through(encoded(gzipSync(bytes), "gzip"), { maxBytes: bytes.length });
    expect(await passing.body.text()).toEqual(right(content));
    const { body } = await through(encoded(gzipSync(bytes), "gzip"), { maxBytes: bytes.length - 1 });
    expect(await body.bytes()).toMatchObject({
      left: { cause: { ...tooLarge, limit: "maxBytes", maxBytes: bytes.length - 1 } },
    });
  });

  test.runIf(hasZstd)("zstd with a window over 8 MiB is refused", async () => {
    const { constants } = await import("node:zlib");
    const params = { [constants.ZSTD_c_windowLog]: 24, [constants.ZSTD_c_contentSizeFlag]: 0 };
    const all = zstdCompressSync(Buffer.alloc(20_000_000), { params });
    const { body } = await through(encoded(all, "zstd"), { maxRatio: Infinity });
    expect(await body.bytes({ maxBytes: Infinity })).toMatchObject({
      left: { cause: { _tag: "Undecodable" } },
    });
  });

  test("a paused reader pauses the source", async () => {
    const source = new Source();
    const { body } = await through(encoded(source, "gzip"));
    const first = Promise.withResolvers<void>();
    let size = 0;
    let accepts = false;
    const ended = Promise.withResolvers<unknown>();
    const flow = body.pipe({
      write(chunk) {
        size += chunk.length;
        first.resolve();
        return accepts;
      },
      end: ended.resolve,
      fail: ended.resolve,
    });
    source.give(gzipSync(Buffer.alloc(900_000)));
    source.all();
    await first.promise;
    expect(size).toBeLessThan(100_000);
    accepts = true;
    flow.resume();
    await ended.promise;
    expect(size).toBe(900_000);
  });
});

describe("options", () => {
  test.each<[Parameters<typeof decompress>[0], string]>([
    [{ maxBytes: 0 }, "decompress: maxBytes must be a number above 0, or Infinity (got 0)"],
    [{ maxBytes: NaN }, "decompress: maxBytes must be a number above 0, or Infinity (got NaN)"],
    [{ maxRatio: 0.5 }, "decompress: maxRatio must be a number of at least 1, or Infinity (got 0.5)"],
  ])("rejects %j", (options, message) => {
    expect(() => decompress(options)).toThrow(new RangeError(message));
  });

  test("are described, with defaults", () => {
    const { service } = mockService<HttpRequest, HttpResponse>();
    expect(decompress({ maxBytes: 7 })(service).describe()).toMatchObject({
      name: "decompress",
      options: { maxBytes: 7, maxRatio: 200 },
    });
  });
});

test("types: neither adds errors nor changes what passes", () => {
  expectTypeOf(decompress()).toEqualTypeOf<Layer<HttpRequest, unknown, never, never, never, HttpResponse>>();
  const stack = new ServiceBuilder<HttpRequest>()
    .layer(decompress())
    .service(mockService<HttpRequest, HttpResponse, "down">().service);
  expectTypeOf(stack).toExtend<Service<HttpRequest, HttpResponse, "down" | Aborted>>();
  const numbers = mockService<HttpRequest, number>().service;
  // @ts-expect-error Type 'number' is not assignable to type 'HttpResponse'.
  new ServiceBuilder<HttpRequest>().layer(decompress()).service(numbers);
});
