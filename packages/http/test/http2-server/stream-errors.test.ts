import { dataFrame, type FieldPairs, fieldsFrame, frame, frameType, resetFrame } from "@pagoda/http/testing";
import { expect, test } from "vitest";
import { errorCode } from "../../src/http2/error-codes.ts";
import { windowUpdate } from "../http2/wire.ts";
import { type Case, data, get, head, never, type Outcome, outcome, post, serving } from "./conversation.ts";

const { protocolError, flowControlError, streamClosed, frameSizeError, refusedStream } = errorCode;

serving();

const reset = (code: number): Outcome => ({ resets: { 1: code } });
const malformed = (what: string, ...fields: FieldPairs): Case => [
  "8.2",
  what,
  [fieldsFrame(1, [...head("/"), ...fields], true)],
  reset(protocolError),
];
const pseudo = (what: string, ...fields: FieldPairs): Case => [
  "8.3.1",
  what,
  [fieldsFrame(1, fields, true)],
  reset(protocolError),
];
const [method, scheme, path, authority] = head("/") as [
  FieldPairs[0],
  FieldPairs[0],
  FieldPairs[0],
  FieldPairs[0],
];

/**
 * The sections are those of RFC 9113, unless another RFC is named. The list follows that of h2spec,
 * without its cases of priorities, which RFC 9113 has withdrawn (RFC 7540, 5.3.1).
 */
const streamErrors: readonly Case[] = [
  ["5.1", "DATA after the end of a request", [never, dataFrame(1, "a", true)], reset(streamClosed)],
  ["5.1", "HEADERS after the end of a request", [never, get(1)], reset(streamClosed)],
  [
    "5.1.2",
    "more streams than allowed",
    Array.from({ length: 101 }, (_, n) => get(2 * n + 1, "/never")),
    { resets: { 201: refusedStream } },
  ],
  [
    "6.3",
    "PRIORITY of a wrong size",
    [never, frame(frameType.priority, 0, 1, Buffer.alloc(4))],
    reset(frameSizeError),
  ],
  ["6.9", "WINDOW_UPDATE of 0 on a stream", [never, windowUpdate(1, 0)], reset(protocolError)],
  [
    "6.9.1",
    "a window of a stream above 2³¹-1",
    [never, windowUpdate(1, 2 ** 31 - 1)],
    reset(flowControlError),
  ],
  [
    "6.9.1",
    "DATA beyond the window of a stream",
    [post(1, "/never"), ...Array.from({ length: 5 }, () => data(0, 1, Buffer.alloc(16_384)))],
    reset(flowControlError),
  ],
  [
    "8.1",
    "a second HEADERS that does not end the request",
    [post(1, "/never"), fieldsFrame(1, [["x-a", "b"]], false)],
    reset(protocolError),
  ],
  [
    "8.1",
    "a pseudo-header field in trailers",
    [post(1, "/never"), fieldsFrame(1, [[":method", "GET"]], true)],
    reset(protocolError),
  ],
  [
    "8.1",
    "an invalid value in trailers",
    [post(1, "/never"), fieldsFrame(1, [["x-a", "b\n"]], true)],
    reset(protocolError),
  ],
  [
    "8.1.1",
    "a body shorter than its Content-Length",
    [post(1, "/never", ["content-length", "2"]), dataFrame(1, "a", true)],
    reset(protocolError),
  ],
  [
    "8.1.1",
    "a body longer than its Content-Length",
    [post(1, "/never", ["content-length", "2"]), dataFrame(1, "abc", false)],
    reset(protocolError),
  ],
  [
    "8.1.1",
    "a Content-Length without a body",
    [fieldsFrame(1, [...head("/"), ["content-length", "2"]], true)],
    reset(protocolError),
  ],
  malformed("an upper-case name", ["X-A", "b"]),
  malformed("an empty name", ["", "b"]),
  malformed("a space in a name", ["x a", "b"]),
  malformed("a line feed in a value", ["x-a", "b\nc"]),
  malformed("a carriage return in a value", ["x-a", "b\rc"]),
  malformed("a NUL in a value", ["x-a", "b\0c"]),
  malformed("a space before a value", ["x-a", " b"]),
  malformed("Connection", ["connection", "keep-alive"]),
  malformed("Keep-Alive", ["keep-alive", "5"]),
  malformed("Proxy-Connection", ["proxy-connection", "close"]),
  malformed("Transfer-Encoding", ["transfer-encoding", "chunked"]),
  malformed("Upgrade", ["upgrade", "websocket"]),
  malformed("TE other than trailers", ["te", "trailers, deflate"]),
  malformed("an invalid Content-Length", ["content-length", "+1"]),
  malformed("Content-Lengths that differ", ["content-length", "0"], ["content-length", "1"]),
  malformed("an unknown pseudo-header field", [":test", "a"]),
  malformed("a pseudo-header field of responses", [":status", "200"]),
  malformed("a pseudo-header field after others", ["x-a", "b"], [":protocol", "websocket"]),
  pseudo("no :method", scheme, path, authority),
  pseudo("no :scheme", method, path, authority),
  pseudo("no :path", method, scheme, authority),
  pseudo("an empty :path", method, scheme, [":path", ""], authority),
  pseudo("two :method", method, method, scheme, path, authority),
  pseudo("two :scheme", method, scheme, scheme, path, authority),
  pseudo("two :path", method, scheme, path, path, authority),
  pseudo("two :authority", method, scheme, path, authority, authority),
  pseudo("a method that is not a token", [":method", "GE T"], scheme, path, authority),
  ["8.5", "CONNECT with a path", [fieldsFrame(1, head("/", "CONNECT"), true)], reset(protocolError)],
];

test.each(streamErrors)("%s: %s resets the stream", async (_section, _what, frames, expected) => {
  const { resets, goaway: code } = await outcome(frames);
  expect([code, resets]).toEqual([undefined, expected.resets]);
});

test("5.1: frames on a stream that the server has reset are ignored", async () => {
  const frames = [
    fieldsFrame(1, [...head("/", "POST"), ["X-A", "b"]], false),
    dataFrame(1, "a", false),
    windowUpdate(1, 1),
    fieldsFrame(1, [["x-a", "b"]], true),
    resetFrame(1, 8),
    get(3),
  ];
  const expected = { resets: { 1: protocolError }, statuses: { 3: "200" }, bodies: { 3: "yes" } };
  expect(await outcome(frames)).toEqual(expected);
});
