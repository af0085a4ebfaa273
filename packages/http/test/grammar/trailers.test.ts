import { Readable } from "node:stream";
import { StreamBody } from "@pagoda/http";
import { isDisguised, mayTrail, trailersOf } from "@pagoda/http/grammar";
import { settled } from "@pagoda/core/testing";
import { describe, expect, test } from "vitest";
import { Sink } from "../bodies.ts";

const forbidden =
  `Connection Content-Length HTTP2-Settings Keep-Alive TE Trailer Transfer-Encoding Upgrade Host
   Forwarded Via X-Forwarded-For x-forwarded-client-cert X-Forwarded-Anything X-Real-IP X-Request-Id
   X-Client-IP True-Client-IP Expect Max-Forwards Pragma Range If-Match If-None-Match If-Range
   Cache-Control Authorization Cookie Set-Cookie WWW-Authenticate Proxy-Authorization Proxy-Authenticate
   Proxy-Connection Age Date Expires Location Retry-After Vary Warning Content-Encoding Content-Range
   Content-Type`.split(/\s+/);

describe("a trailer", () => {
  test.each(forbidden)("may not be %s in any spelling", (name) => {
    for (const written of [name, name.toLowerCase(), name.toUpperCase(), name.replaceAll("-", "_")])
      expect([written, mayTrail(written)]).toEqual([written, false]);
  });

  test.each([
    "grpc-status",
    "grpc-status-details-bin",
    "ETag",
    "Server-Timing",
    "Content-Digest",
    "X-Sum",
    "x_sum",
  ])("may be %s", (name) => expect(mayTrail(name)).toBe(true));

  test("is one of at most 100, with at most 60 KiB in total", () => {
    const fields = (count: number, value: string): string[] =>
      Array.from({ length: count }, (_each, n) => [`x-${n}`, value]).flat();
    expect(trailersOf(fields(100, "a"))?.size).toBe(100);
    expect(trailersOf(fields(101, "a"))).toBeUndefined();
    expect(trailersOf(fields(60, "a".repeat(1_000)))?.size).toBe(60);
    expect(trailersOf(fields(60, "a".repeat(1_050)))).toBeUndefined();
  });

  test("of a stream is dropped if it is forbidden, and too many break the body", () => {
    const ended = async (rawTrailers: string[]): Promise<Sink> => {
      const stream = Object.assign(Readable.from([Buffer.from("a")]), { rawTrailers });
      const sink = Sink.on(new StreamBody(stream));
      while (sink.ends.length === 0) await settled();
      return sink;
    };
    return Promise.all([
      ended(["Sum", "1", "Host", "b", "X_Forwarded_For", "c"]).then((sink) =>
        expect([sink.ends, sink.trailers?.raw]).toEqual([["end"], ["Sum", "1"]]),
      ),
      ended(Array.from({ length: 202 }, () => "a")).then((sink) => expect(sink.ends).toEqual(["fail"])),
    ]);
  });
});

test.each([
  ["X_Forwarded_For", true],
  ["x-forwarded_for", true],
  ["Content_Length", true],
  ["X_Real_IP", true],
  ["X-Forwarded-For", false],
  ["user_id", false],
  ["_", false],
])("isDisguised(%s) is %s", (name, expected) => expect(isDisguised(name)).toBe(expected));
