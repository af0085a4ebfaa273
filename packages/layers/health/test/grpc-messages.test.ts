import assert from "node:assert/strict";
import { isLeft, left, right } from "@pagoda/core";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeResponse, encodeRequest, nameOfCode } from "../src/grpc-messages.ts";

/** Prefixes a message. */
function framed(...message: readonly number[]): Buffer {
  return Buffer.from([0, 0, 0, 0, message.length, ...message]);
}

describe("HealthCheckRequest", () => {
  test("is empty for the server as a whole", () => {
    expect(encodeRequest("")).toEqual(framed());
  });

  test("carries the service in field 1, with its length in bytes", () => {
    expect(encodeRequest("aä")).toEqual(framed(0x0a, 3, 0x61, 0xc3, 0xa4));
    const long = encodeRequest("x".repeat(300));
    expect([...long.subarray(0, 8)]).toEqual([0, 0, 0, 1, 0x2f, 0x0a, 0xac, 0x02]);
    expect(long).toHaveLength(5 + 3 + 300);
  });
});

describe("HealthCheckResponse", () => {
  const malformed = { _tag: "Left", left: "malformed HealthCheckResponse" } as const;

  test.each([
    [[], "UNKNOWN"],
    [[0x08, 0x00], "UNKNOWN"],
    [[0x08, 0x01], "SERVING"],
    [[0x08, 0x02], "NOT_SERVING"],
    [[0x08, 0x03], "SERVICE_UNKNOWN"],
    [[0x08, 0x07], "status 7"],
    // Longer than necessary, which protobuf allows.
    [[0x08, 0x81, 0x00], "SERVING"],
    // The last value wins.
    [[0x08, 0x02, 0x08, 0x01], "SERVING"],
    // Unknown fields of each type.
    [
      [0x10, 0x05, 0x1a, 0x02, 0x61, 0x62, 0x25, 1, 2, 3, 4, 0x29, 1, 2, 3, 4, 5, 6, 7, 8, 0x08, 0x01],
      "SERVING",
    ],
  ])("%j is %s", (message, status) => {
    expect(decodeResponse(framed(...message))).toEqual(right(status));
  });

  test.each([
    ["a lone tag", [0x08]],
    ["a truncated varint", [0x08, 0x81]],
    ["a varint that is too long", [0x08, ...Array.from({ length: 10 }, () => 0x80), 0x01]],
    ["a status of another type", [0x0a, 0x01, 0x01]],
    ["field 0", [0x00, 0x01]],
    ["an unknown wire type", [0x0f]],
    ["a group", [0x13, 0x14]],
    ["a truncated string", [0x12, 0x05, 0x61]],
    ["a string without a length", [0x12]],
    ["a fixed32 of three bytes", [0x15, 1, 2, 3]],
    ["a fixed64 of seven bytes", [0x11, 1, 2, 3, 4, 5, 6, 7]],
  ])("%s is malformed", (_what, message) => {
    expect(decodeResponse(framed(...message))).toEqual(malformed);
  });

  test.each([
    [[], "no message"],
    [[0, 0, 0, 0], "truncated message"],
    [[0, 0, 0, 0, 2, 8], "truncated message"],
    [[0, 0, 0, 0, 2, 8, 1, 0], "more than one message"],
    [[1, 0, 0, 0, 2, 8, 1], "unexpected compressed message"],
    [[0, 0, 0, 1, 0, 8, 1], "truncated message"],
  ])("%j is %s", (bytes, problem) => {
    expect(decodeResponse(Buffer.from(bytes))).toEqual(left(problem));
  });

  test("arbitrary bytes are decoded or reported as malformed", () => {
    const names = /^(?:UNKNOWN|SERVING|NOT_SERVING|SERVICE_UNKNOWN|status [\d.e+]+)$/;
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 30 }), (bytes) => {
        const result = decodeResponse(framed(...bytes));
        assert(isLeft(result) ? result.left === malformed.left : names.test(result.right));
      }),
      { numRuns: 2_000 },
    );
  });

  test("defect: an unknown length-delimited field was read from its tag on", () => {
    const field = fc
      .record({ number: fc.integer({ min: 2, max: 15 }), text: fc.uint8Array({ maxLength: 8 }) })
      .map(({ number, text }) => [(number << 3) | 2, text.length].concat(Array.from(text)));
    const fields = fc.array(field, { maxLength: 4 });
    fc.assert(
      fc.property(fields, fc.integer({ min: 1, max: 3 }), fields, (before, status, after) => {
        const message = [...before.flat(), 0x08, status, ...after.flat()];
        expect(decodeResponse(framed(...message))).toEqual(
          right(["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"][status]),
        );
      }),
    );
  });
});

test.each([
  ["0", "OK"],
  ["5", "NOT_FOUND"],
  ["16", "UNAUTHENTICATED"],
  ["17", "17"],
  ["-1", "-1"],
  ["constructor", "constructor"],
])("the status %s is called %s", (status, name) => {
  expect(nameOfCode(status)).toBe(name);
});
