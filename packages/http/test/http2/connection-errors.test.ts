import { dataFrame, fieldsFrame, frame, resetFrame } from "@pagoda/http/testing";
import { describe, expect, test } from "vitest";
import { errorCode, errorName } from "../../src/http2/error-codes.ts";
import { frameFlag, frameType, setting } from "../../src/http2/frames.ts";
import { connected, connecting, goaway, goawayOf, ok, settingsFrame, windowUpdate } from "./wire.ts";

const nothing = Buffer.alloc(0);
const block = Buffer.from([0x88]);
const { protocolError, frameSizeError, flowControlError, streamClosed, compressionError } = errorCode;

/** Frames that break the protocol, and the code of the GOAWAY that answers them. Stream 1 is open. */
const cases: readonly (readonly [section: string, what: string, frames: readonly Buffer[], code: number])[] =
  [
    [
      "4.2",
      "DATA above the maximum frame size",
      [ok(1), frame(frameType.data, 0, 1, Buffer.alloc(16_385))],
      frameSizeError,
    ],
    [
      "4.2",
      "HEADERS above the maximum frame size",
      [frame(frameType.headers, 4, 1, Buffer.alloc(16_385))],
      frameSizeError,
    ],
    [
      "4.3",
      "a malformed header block",
      [frame(frameType.headers, 4, 1, Buffer.from([0x80]))],
      compressionError,
    ],
    [
      "4.3",
      "a malformed header block on a stream that is reset",
      [resetFrame(1, 8), frame(frameType.headers, 4, 3, Buffer.from([0x80]))],
      protocolError,
    ],
    [
      "4.3",
      "a PRIORITY inside a header block",
      [frame(frameType.headers, 0, 1, block), frame(frameType.priority, 0, 1, Buffer.alloc(5))],
      protocolError,
    ],
    [
      "4.3",
      "DATA inside a header block",
      [frame(frameType.headers, 0, 1, block), dataFrame(1, "a", false)],
      protocolError,
    ],
    ["5.1", "DATA on an idle stream", [dataFrame(3, "a", true)], protocolError],
    ["5.1", "HEADERS on an idle stream", [ok(3)], protocolError],
    ["5.1", "RST_STREAM on an idle stream", [resetFrame(3, 8)], protocolError],
    ["5.1", "WINDOW_UPDATE on an idle stream", [windowUpdate(3, 1)], protocolError],
    ["5.1", "DATA after a reset by the peer", [resetFrame(1, 8), dataFrame(1, "a", true)], streamClosed],
    ["5.1.1", "HEADERS on a stream of the server", [ok(2)], protocolError],
    ["6.1", "DATA on stream 0", [dataFrame(0, "a", false)], protocolError],
    [
      "6.1",
      "padding as long as DATA",
      [ok(1), frame(0, frameFlag.padded, 1, Buffer.from([3, 0, 0]))],
      protocolError,
    ],
    [
      "6.1",
      "padded DATA without a padding length",
      [ok(1), frame(0, frameFlag.padded, 1, nothing)],
      frameSizeError,
    ],
    ["6.2", "HEADERS on stream 0", [ok(0)], protocolError],
    [
      "6.2",
      "padding longer than HEADERS",
      [frame(1, 4 | frameFlag.padded, 1, Buffer.from([2, 0x88]))],
      protocolError,
    ],
    [
      "6.2",
      "HEADERS shorter than a priority",
      [frame(1, 4 | frameFlag.priority, 1, Buffer.alloc(4))],
      frameSizeError,
    ],
    ["6.3", "PRIORITY on stream 0", [frame(frameType.priority, 0, 0, Buffer.alloc(5))], protocolError],
    ["6.4", "RST_STREAM on stream 0", [resetFrame(0, 8)], protocolError],
    ["6.4", "RST_STREAM of a wrong size", [frame(frameType.reset, 0, 1, Buffer.alloc(3))], frameSizeError],
    [
      "6.5",
      "acknowledged SETTINGS with a payload",
      [frame(frameType.settings, 1, 0, Buffer.alloc(6))],
      frameSizeError,
    ],
    ["6.5", "SETTINGS on a stream", [frame(frameType.settings, 0, 1, nothing)], protocolError],
    ["6.5", "SETTINGS of a wrong size", [frame(frameType.settings, 0, 0, Buffer.alloc(5))], frameSizeError],
    ["6.5.2", "ENABLE_PUSH 1", [settingsFrame([setting.enablePush, 1])], protocolError],
    ["6.5.2", "ENABLE_PUSH 2", [settingsFrame([setting.enablePush, 2])], protocolError],
    [
      "6.5.2",
      "a window above 2³¹-1",
      [settingsFrame([setting.initialWindowSize, 2 ** 31])],
      flowControlError,
    ],
    [
      "6.5.2",
      "a maximum frame size below 2¹⁴",
      [settingsFrame([setting.maxFrameSize, 16_383])],
      protocolError,
    ],
    [
      "6.5.2",
      "a maximum frame size above 2²⁴-1",
      [settingsFrame([setting.maxFrameSize, 2 ** 24])],
      protocolError,
    ],
    [
      "RFC 8441, 3",
      "ENABLE_CONNECT_PROTOCOL taken back",
      [settingsFrame([setting.enableConnectProtocol, 1]), settingsFrame([setting.enableConnectProtocol, 0])],
      protocolError,
    ],
    [
      "RFC 8441, 3",
      "ENABLE_CONNECT_PROTOCOL 2",
      [settingsFrame([setting.enableConnectProtocol, 2])],
      protocolError,
    ],
    [
      "6.6",
      "PUSH_PROMISE",
      [frame(frameType.pushPromise, 4, 1, Buffer.from([0, 0, 0, 2, 0x82]))],
      protocolError,
    ],
    ["6.7", "PING on a stream", [frame(frameType.ping, 0, 1, Buffer.alloc(8))], protocolError],
    ["6.7", "PING of a wrong size", [frame(frameType.ping, 0, 0, Buffer.alloc(7))], frameSizeError],
    ["6.8", "GOAWAY on a stream", [frame(frameType.goaway, 0, 1, Buffer.alloc(8))], protocolError],
    ["6.8", "GOAWAY without an error code", [frame(frameType.goaway, 0, 0, Buffer.alloc(7))], frameSizeError],
    ["6.9", "WINDOW_UPDATE of 0 on the connection", [windowUpdate(0, 0)], protocolError],
    [
      "6.9",
      "WINDOW_UPDATE of a wrong size",
      [frame(frameType.windowUpdate, 0, 1, Buffer.alloc(3))],
      frameSizeError,
    ],
    ["6.9.1", "a window above 2³¹-1 on the connection", [windowUpdate(0, 2 ** 31 - 1)], flowControlError],
    [
      "6.9.2",
      "a window above 2³¹-1 by a change of its initial size",
      [windowUpdate(1, 2 ** 31 - 1 - 65_535), settingsFrame([setting.initialWindowSize, 65_536])],
      flowControlError,
    ],
    ["6.10", "CONTINUATION without HEADERS", [frame(frameType.continuation, 4, 1, block)], protocolError],
    [
      "6.10",
      "CONTINUATION after a complete block",
      [ok(1), frame(frameType.continuation, 4, 1, block)],
      protocolError,
    ],
    [
      "6.10",
      "CONTINUATION on another stream",
      [frame(frameType.headers, 0, 1, block), frame(frameType.continuation, 4, 3, nothing)],
      protocolError,
    ],
    [
      "6.10",
      "CONTINUATION on stream 0",
      [frame(frameType.headers, 0, 1, block), frame(frameType.continuation, 4, 0, nothing)],
      protocolError,
    ],
  ];

describe("a connection error (RFC 9113, 5.4.1)", () => {
  test.each(cases)("%s: %s", async (_section, _what, frames, code) => {
    const { wire, ask, ended, connection } = await connected();
    const { heard } = ask("GET", false);
    wire.feed(...frames);
    expect(goawayOf(await wire.sent())).toBe(code);
    expect(await ended).toMatchObject({ code: errorName(code) });
    expect(connection.isClosed).toBe(true);
    expect(heard.isClosed).toBe(true);
    // Nothing further is read.
    wire.feed(ok(1));
    expect(wire.destroyed).toBe(true);
  });

  test.each([
    ["HEADERS", ok(1)],
    ["DATA", dataFrame(1, "a", true)],
    ["PING", frame(frameType.ping, 0, 0, Buffer.alloc(8))],
    ["an acknowledgement", frame(frameType.settings, 1, 0, nothing)],
    ["a GOAWAY", goaway(0, 0)],
  ])("3.4: the connection begins with %s", async (_what, first) => {
    const { wire, ended } = connecting();
    wire.feed(first);
    expect(goawayOf(await wire.sent())).toBe(protocolError);
    expect(await ended).toMatchObject({ code: "PROTOCOL_ERROR" });
  });

  test.each(["HTTP/1.1 400 Bad Request\r\n\r\n", "SSH-2.0-OpenSSH_9.9\r\n"])(
    "3.4: the peer speaks another protocol: %j",
    async (text) => {
      const { wire, ended } = connecting();
      wire.feed(Buffer.from(text));
      expect(await ended).toMatchObject({ code: "FRAME_SIZE_ERROR" });
    },
  );

  test.each([
    ["DATA", dataFrame(1, "a", true)],
    ["HEADERS", ok(1, true)],
  ])("5.1: %s on a stream that has ended in both directions", async (_what, late) => {
    const { wire, ask, ended } = await connected();
    ask();
    wire.feed(ok(1, true), late);
    expect(goawayOf(await wire.sent())).toBe(streamClosed);
    expect(await ended).toMatchObject({ code: "STREAM_CLOSED" });
  });
});

describe("floods (RFC 9113, 10.5)", () => {
  const calm = errorCode.enhanceYourCalm;

  test.each<[string, (n: number) => Buffer]>([
    ["PING", () => frame(frameType.ping, 0, 0, Buffer.alloc(8))],
    ["acknowledged PING", () => frame(frameType.ping, 1, 0, Buffer.alloc(8))],
    ["SETTINGS", () => settingsFrame()],
    ["SETTINGS that change the window", (n) => settingsFrame([setting.initialWindowSize, n])],
    ["acknowledged SETTINGS", () => frame(frameType.settings, 1, 0, nothing)],
    ["PRIORITY", () => frame(frameType.priority, 0, 1, Buffer.alloc(5))],
    ["WINDOW_UPDATE", () => windowUpdate(0, 1)],
    ["RST_STREAM", () => resetFrame(1, 8)],
    ["empty DATA", () => dataFrame(3, "", false)],
    ["informational responses", () => fieldsFrame(5, [[":status", "103"]], false)],
    ["unknown frames", () => frame(0x70, 0, 0, nothing)],
  ])("%s", async (_what, frameOf) => {
    const { wire, ask, ended } = await connected();
    for (let n = 0; n < 3; n++) ask("GET", false);
    wire.feed(ok(3));
    for (let n = 0; n < 5_000; n++) wire.feed(frameOf(n));
    expect(await ended).toMatchObject({ code: "ENHANCE_YOUR_CALM" });
    expect(goawayOf(await wire.sent())).toBe(calm);
  });

  test("CONTINUATION without an end", async () => {
    const { wire, ask, ended } = await connected();
    ask();
    wire.feed(frame(frameType.headers, 0, 1, block));
    for (let n = 0; n < 100; n++) wire.feed(frame(frameType.continuation, 0, 1, nothing));
    expect(await ended).toMatchObject({ code: "ENHANCE_YOUR_CALM" });
  });

  test("a header block too long to keep", async () => {
    const { wire, ask, ended } = await connected();
    ask();
    wire.feed(frame(frameType.headers, 0, 1, Buffer.alloc(16_384, 0x88)));
    for (let n = 0; n < 8; n++) wire.feed(frame(frameType.continuation, 0, 1, Buffer.alloc(16_384, 0x88)));
    expect(await ended).toMatchObject({ code: "ENHANCE_YOUR_CALM" });
  });

  test("PINGs of a peer that does not read", async () => {
    const { wire, ask, ended } = await connected();
    wire.isBlocked = true;
    ask();
    wire.feed(ok(1));
    // Each piece of content allows further PINGs.
    const ping = frame(frameType.ping, 0, 0, Buffer.alloc(8));
    const round = [dataFrame(1, "a", false), ping, ping, ping, ping];
    const rounds = Buffer.concat(Array.from({ length: 1_000 }, () => round).flat());
    for (let n = 0; n < 1_000 && !wire.destroyed; n++) {
      wire.feed(rounds);
      await new Promise(setImmediate);
    }
    expect(await ended).toMatchObject({ code: "ENHANCE_YOUR_CALM" });
  });

  test("a busy connection may announce windows and send PINGs", async () => {
    const { wire, ask, connection } = await connected();
    ask();
    wire.feed(ok(1));
    for (let n = 0; n < 5_000; n++)
      wire.feed(dataFrame(1, "a", false), frame(frameType.ping, 0, 0, Buffer.alloc(8)), windowUpdate(0, 1));
    expect(connection.isClosed).toBe(false);
  });
});
