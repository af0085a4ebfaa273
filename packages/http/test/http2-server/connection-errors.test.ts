import { dataFrame, frame, frameFlag, frameType, resetFrame } from "@pagoda/http/testing";
import { expect, test } from "vitest";
import { errorCode } from "../../src/http2/error-codes.ts";
import { clientPreface, setting } from "../../src/http2/frames.ts";
import { settingsFrame, windowUpdate } from "../http2/wire.ts";
import {
  block,
  type Case,
  continuation,
  data,
  get,
  headers,
  never,
  outcome,
  post,
  serving,
} from "./conversation.ts";

const { protocolError, flowControlError, streamClosed, frameSizeError, compressionError } = errorCode;
const { endStream, endHeaders, padded } = frameFlag;
const nothing = Buffer.alloc(0);

serving();

/**
 * The sections are those of RFC 9113, unless another RFC is named. The list follows that of h2spec,
 * without its cases of priorities, which RFC 9113 has withdrawn (RFC 7540, 5.3.1).
 */
const connectionErrors: readonly Case[] = [
  [
    "3.4",
    "a connection that does not begin with SETTINGS",
    [frame(frameType.ping, 0, 0, Buffer.alloc(8))],
    { goaway: protocolError },
  ],
  [
    "4.2",
    "DATA above the maximum size",
    [post(1), data(0, 1, Buffer.alloc(16_385))],
    { goaway: frameSizeError },
  ],
  [
    "4.2",
    "HEADERS above the maximum size",
    [headers(5, 1, Buffer.alloc(16_385))],
    { goaway: frameSizeError },
  ],
  ["4.3", "an invalid header block", [headers(5, 1, Buffer.from([0x80]))], { goaway: compressionError }],
  [
    "4.3",
    "PRIORITY inside a header block",
    [headers(endStream, 1, block()), frame(frameType.priority, 0, 1, Buffer.alloc(5))],
    { goaway: protocolError },
  ],
  [
    "4.3",
    "HEADERS of another stream inside a header block",
    [headers(endStream, 1, block()), get(3)],
    { goaway: protocolError },
  ],
  ["5.1", "DATA on an idle stream", [dataFrame(1, "a", true)], { goaway: protocolError }],
  ["5.1", "RST_STREAM on an idle stream", [resetFrame(1, 8)], { goaway: protocolError }],
  ["5.1", "WINDOW_UPDATE on an idle stream", [windowUpdate(1, 100)], { goaway: protocolError }],
  [
    "5.1",
    "CONTINUATION on an idle stream",
    [continuation(endHeaders, 1, block())],
    { goaway: protocolError },
  ],
  [
    "5.1",
    "HEADERS on a stream that the client reset",
    [never, resetFrame(1, 8), get(1)],
    { goaway: streamClosed },
  ],
  [
    "5.1",
    "DATA on a stream that the client reset",
    [post(1, "/never"), resetFrame(1, 8), dataFrame(1, "a", true)],
    { goaway: streamClosed },
  ],
  [
    "5.1",
    "CONTINUATION on a stream that the client reset",
    [never, resetFrame(1, 8), continuation(endHeaders, 1, block())],
    { goaway: protocolError },
  ],
  ["5.1.1", "HEADERS on an even stream", [get(2)], { goaway: protocolError }],
  ["5.1.1", "HEADERS on a lower stream", [get(5, "/never"), get(3)], { goaway: protocolError }],
  ["6.1", "DATA on stream 0", [data(0, 0, nothing)], { goaway: protocolError }],
  [
    "6.1",
    "padding longer than DATA",
    [post(1), data(padded | endStream, 1, Buffer.from("\x06abc"))],
    { goaway: protocolError },
  ],
  ["6.2", "HEADERS on stream 0", [get(0)], { goaway: protocolError }],
  [
    "6.2",
    "padding longer than HEADERS",
    [headers(padded | 5, 1, Buffer.concat([Buffer.from([0xff]), block()]))],
    { goaway: protocolError },
  ],
  [
    "6.3",
    "PRIORITY on stream 0",
    [frame(frameType.priority, 0, 0, Buffer.alloc(5))],
    { goaway: protocolError },
  ],
  ["6.4", "RST_STREAM on stream 0", [resetFrame(0, 8)], { goaway: protocolError }],
  [
    "6.4",
    "RST_STREAM of a wrong size",
    [never, frame(frameType.reset, 0, 1, Buffer.alloc(3))],
    { goaway: frameSizeError },
  ],
  [
    "6.5",
    "an acknowledgement of SETTINGS with a payload",
    [frame(frameType.settings, 1, 0, Buffer.alloc(6))],
    { goaway: frameSizeError },
  ],
  ["6.5", "SETTINGS on a stream", [frame(frameType.settings, 0, 1, nothing)], { goaway: protocolError }],
  [
    "6.5",
    "SETTINGS of a wrong size",
    [frame(frameType.settings, 0, 0, Buffer.alloc(3))],
    { goaway: frameSizeError },
  ],
  [
    "6.5.2",
    "ENABLE_PUSH other than 0 and 1",
    [settingsFrame([setting.enablePush, 2])],
    { goaway: protocolError },
  ],
  [
    "6.5.2",
    "INITIAL_WINDOW_SIZE above 2³¹-1",
    [settingsFrame([setting.initialWindowSize, 2 ** 31])],
    { goaway: flowControlError },
  ],
  [
    "6.5.2",
    "MAX_FRAME_SIZE below 2¹⁴",
    [settingsFrame([setting.maxFrameSize, 16_383])],
    { goaway: protocolError },
  ],
  [
    "6.5.2",
    "MAX_FRAME_SIZE above 2²⁴-1",
    [settingsFrame([setting.maxFrameSize, 2 ** 24])],
    { goaway: protocolError },
  ],
  [
    "6.6",
    "PUSH_PROMISE of a client",
    [frame(frameType.pushPromise, 4, 1, Buffer.concat([Buffer.from([0, 0, 0, 2]), block()]))],
    { goaway: protocolError },
  ],
  ["6.7", "PING on a stream", [frame(frameType.ping, 0, 1, Buffer.alloc(8))], { goaway: protocolError }],
  ["6.7", "PING of a wrong size", [frame(frameType.ping, 0, 0, Buffer.alloc(6))], { goaway: frameSizeError }],
  ["6.8", "GOAWAY on a stream", [frame(frameType.goaway, 0, 1, Buffer.alloc(8))], { goaway: protocolError }],
  [
    "6.8",
    "GOAWAY without an error code",
    [frame(frameType.goaway, 0, 0, Buffer.alloc(4))],
    { goaway: frameSizeError },
  ],
  ["6.9", "WINDOW_UPDATE of 0 on the connection", [windowUpdate(0, 0)], { goaway: protocolError }],
  [
    "6.9",
    "WINDOW_UPDATE of a wrong size",
    [frame(frameType.windowUpdate, 0, 0, Buffer.alloc(3))],
    { goaway: frameSizeError },
  ],
  [
    "6.9.1",
    "a window of the connection above 2³¹-1",
    [windowUpdate(0, 2 ** 31 - 1), windowUpdate(0, 2 ** 31 - 1)],
    { goaway: flowControlError },
  ],
  [
    "6.9.2",
    "a window above 2³¹-1 by a change of its initial size",
    [never, windowUpdate(1, 2 ** 31 - 1 - 65_535), settingsFrame([setting.initialWindowSize, 65_536])],
    { goaway: flowControlError },
  ],
  ["6.10", "CONTINUATION without HEADERS", [continuation(endHeaders, 1, block())], { goaway: protocolError }],
  [
    "6.10",
    "CONTINUATION after the end of a block",
    [headers(4, 1, block("/never")), continuation(endHeaders, 1, block())],
    { goaway: protocolError },
  ],
  [
    "6.10",
    "CONTINUATION on stream 0",
    [headers(endStream, 1, block()), continuation(endHeaders, 0, nothing)],
    { goaway: protocolError },
  ],
  [
    "6.10",
    "CONTINUATION of another stream",
    [headers(endStream, 1, block()), continuation(endHeaders, 3, block())],
    { goaway: protocolError },
  ],
  [
    "6.10",
    "CONTINUATION after DATA",
    [post(1, "/never"), dataFrame(1, "a", false), continuation(endHeaders, 1, block())],
    { goaway: protocolError },
  ],
  [
    "10.5.1",
    "a header block in very many pieces",
    [headers(endStream, 1, block()), ...Array.from({ length: 20 }, () => continuation(0, 1, nothing))],
    { goaway: errorCode.enhanceYourCalm },
  ],
  [
    "RFC 7541, 2.3.3",
    "an index beyond the tables",
    [headers(5, 1, Buffer.from([0xff, 0x00]))],
    { goaway: compressionError },
  ],
  [
    "RFC 7541, 4.2",
    "an update of the table's size after a field",
    [headers(5, 1, Buffer.concat([block(), Buffer.from([0x20])]))],
    { goaway: compressionError },
  ],
  [
    "RFC 7541, 5.2",
    "Huffman padding of more than 7 bits",
    [headers(5, 1, Buffer.from([0x40, 0x01, 0x61, 0x82, 0x1f, 0xff]))],
    { goaway: compressionError },
  ],
  [
    "RFC 7541, 5.2",
    "Huffman padding of zeros",
    [headers(5, 1, Buffer.from([0x40, 0x01, 0x61, 0x81, 0x18]))],
    { goaway: compressionError },
  ],
  [
    "RFC 7541, 5.2",
    "the end of a Huffman string",
    [headers(5, 1, Buffer.from([0x40, 0x01, 0x61, 0x84, 0xff, 0xff, 0xff, 0xff]))],
    { goaway: compressionError },
  ],
  ["RFC 7541, 6.1", "index 0", [headers(5, 1, Buffer.from([0x80]))], { goaway: compressionError }],
  [
    "RFC 7541, 6.3",
    "a table larger than announced",
    [headers(5, 1, Buffer.concat([Buffer.from([0x3f, 0xe2, 0x1f]), block()]))],
    { goaway: compressionError },
  ],
  [
    "RFC 8441, 3",
    "ENABLE_CONNECT_PROTOCOL 2",
    [settingsFrame([setting.enableConnectProtocol, 2])],
    { goaway: protocolError },
  ],
];

test.each(connectionErrors)("%s: %s closes the connection", async (section, _what, frames, expected) => {
  const opening = section === "3.4" ? [clientPreface] : undefined;
  const { goaway: code } = await outcome(frames, opening);
  expect(code).toBe(expected.goaway);
});

test("3.4: an invalid preface closes the connection", async () => {
  expect(await outcome([], [Buffer.from("INVALID CONNECTION PREFACE\r\n\r\n")])).toEqual({
    goaway: protocolError,
  });
  expect(await outcome([], [clientPreface.subarray(0, 20), Buffer.from("XX\r\n")])).toEqual({
    goaway: protocolError,
  });
});

test("6.9.1: DATA beyond the window of the connection closes it", async () => {
  // 17 streams that nobody reads, 64 KiB each.
  const frames = Array.from({ length: 17 }, (_, n) => [
    post(2 * n + 1, "/never"),
    ...Array.from({ length: 4 }, (_piece, at) =>
      data(0, 2 * n + 1, Buffer.alloc(at === 3 ? 16_383 : 16_384)),
    ),
  ]).flat();
  expect(await outcome(frames)).toEqual({ goaway: flowControlError });
});
