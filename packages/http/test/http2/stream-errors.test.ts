import { dataFrame, fieldsFrame, type FieldPairs, frame, resetFrame } from "@pagoda/http/testing";
import { describe, expect, test } from "vitest";
import { errorCode } from "../../src/http2/error-codes.ts";
import { frameFlag, frameType, setting } from "../../src/http2/frames.ts";
import { connected, ok, resetsOf, windowUpdate } from "./wire.ts";

const { protocolError, frameSizeError, flowControlError, streamClosed } = errorCode;

const head = (...fields: FieldPairs): Buffer => fieldsFrame(1, [[":status", "200"], ...fields], false);
const only = (...fields: FieldPairs): Buffer => fieldsFrame(1, fields, true);

/** Malformed messages on stream 1 (RFC 9113, 8.1.1), and the reason that its handler is told. */
const malformed: readonly (readonly [
  section: string,
  what: string,
  frames: readonly Buffer[],
  reason: string,
])[] = [
  ["8.1", "DATA before the header fields", [dataFrame(1, "a", true)], "sequence"],
  [
    "8.1",
    "header fields in the middle of the body",
    [head(), fieldsFrame(1, [["a", "b"]], false)],
    "sequence",
  ],
  ["8.1", "an informational response that ends the stream", [only([":status", "103"])], "status"],
  ["8.6", "status 101", [fieldsFrame(1, [[":status", "101"]], false)], "status"],
  [
    "8.1.1",
    "a body shorter than its length",
    [head(["content-length", "3"]), dataFrame(1, "ab", true)],
    "body-too-short",
  ],
  [
    "8.1.1",
    "a body longer than its length",
    [head(["content-length", "1"]), dataFrame(1, "ab", true)],
    "body-too-long",
  ],
  ["8.1.1", "a length without a body", [only([":status", "200"], ["content-length", "1"])], "body-too-short"],
  [
    "8.1.1",
    "a body shorter than its length, with trailers",
    [head(["content-length", "3"]), dataFrame(1, "ab", false), only(["a", "b"])],
    "body-too-short",
  ],
  ["8.1.1", "two lengths", [head(["content-length", "1"], ["content-length", "2"])], "content-length"],
  ["8.1.1", "a malformed length", [head(["content-length", "+1"])], "content-length"],
  [
    "RFC 9110, 15.3.5",
    "a body of a 204",
    [fieldsFrame(1, [[":status", "204"]], false), dataFrame(1, "a", true)],
    "body-too-long",
  ],
  [
    "RFC 9110, 15.4.5",
    "a body of a 304",
    [fieldsFrame(1, [[":status", "304"]], false), dataFrame(1, "a", true)],
    "body-too-long",
  ],
  ["8.2", "an upper-case name", [head(["A", "b"])], "field-name"],
  ["8.2.1", "a space in a name", [head(["a b", "c"])], "field-name"],
  ["8.2.1", "a line feed in a name", [head(["a\n", "b"])], "field-name"],
  ["8.2.1", "a colon in a name", [head(["a:", "b"])], "field-name"],
  ["8.2.1", "a byte beyond ASCII in a name", [head(["ä", "b"])], "field-name"],
  ["8.2.1", "an empty name", [head(["", "b"])], "field-name"],
  ["8.2.1", "a line break in a value", [head(["a", "b\r\nc: d"])], "field-value"],
  ["8.2.1", "a carriage return in a value", [head(["a", "b\rc"])], "field-value"],
  ["8.2.1", "a NUL in a value", [head(["a", "b\0"])], "field-value"],
  ["8.2.1", "a space before a value", [head(["a", " b"])], "field-value"],
  ["8.2.1", "a tab after a value", [head(["a", "b\t"])], "field-value"],
  ["8.2.1", "a line break in a trailer", [head(), only(["a", "b\r\nc: d"])], "field-value"],
  ["8.2.2", "Connection", [head(["connection", "close"])], "connection-field"],
  ["8.2.2", "Keep-Alive", [head(["keep-alive", "timeout=5"])], "connection-field"],
  ["8.2.2", "Proxy-Connection", [head(["proxy-connection", "close"])], "connection-field"],
  ["8.2.2", "Transfer-Encoding", [head(["transfer-encoding", "chunked"])], "connection-field"],
  ["8.2.2", "Upgrade", [head(["upgrade", "websocket"])], "connection-field"],
  ["8.2.2", "TE with anything but trailers", [head(["te", "gzip"])], "connection-field"],
  ["8.3", "an unknown pseudo-header field", [head([":a", "b"])], "pseudo-fields"],
  ["8.3", "a pseudo-header field of requests", [head([":path", "/"])], "pseudo-fields"],
  ["8.3", "a pseudo-header field after others", [only(["a", "b"], [":status", "200"])], "pseudo-fields"],
  ["8.3", "a pseudo-header field in trailers", [head(), only([":status", "200"])], "pseudo-fields"],
  ["8.3", "two statuses", [head([":status", "200"])], "pseudo-fields"],
  ["8.3.2", "no status", [only(["a", "b"])], "pseudo-fields"],
  ["8.3.2", "an empty header block", [frame(frameType.headers, 5, 1, Buffer.alloc(0))], "pseudo-fields"],
  ["8.3.2", "a status of two digits", [only([":status", "20"])], "status"],
  ["8.3.2", "a status that is not a number", [only([":status", "2x0"])], "status"],
  ["8.3.2", "status 0", [only([":status", "000"])], "status"],
];

describe("a malformed response resets its stream", () => {
  test.each(malformed)("%s: %s", async (_section, _what, frames, reason) => {
    const { wire, ask, connection } = await connected();
    const { heard } = ask();
    const other = ask();
    wire.feed(...frames);
    expect(resetsOf(await wire.sent())).toEqual([[1, protocolError]]);
    expect(heard.error).toMatchObject({ code: "PROTOCOL_ERROR", reason });
    expect(heard.events).not.toContain("completed");
    // The connection, and its header table, remain.
    expect(connection.isClosed).toBe(false);
    wire.feed(ok(3), dataFrame(3, "hello", true));
    expect(other.heard).toMatchObject({ body: "hello", isClosed: true, error: undefined });
  });

  test("before anything of it is passed on: a body too long", async () => {
    const { wire, ask } = await connected();
    const { heard } = ask();
    wire.feed(head(["content-length", "1"]), dataFrame(1, "ab", true));
    expect(heard.body).toBe("");
  });

  test("10.5.1: with a list of fields above what was announced", async () => {
    const { wire, ask, connection } = await connected();
    const { heard } = ask();
    const value = Buffer.alloc(4_000, "x");
    const field = Buffer.concat([Buffer.from([0x40, 1, 0x61, 0x7f, 0xa1, 0x1e]), value]);
    // A field from the table takes a byte, and counts as a whole.
    const block = Buffer.concat([Buffer.from([0x88]), field, Buffer.alloc(20, 0xbe)]);
    wire.feed(frame(frameType.headers, 5, 1, block));
    expect(heard.error).toMatchObject({ reason: "fields-too-long" });
    expect(connection.isClosed).toBe(false);
  });
});

describe("a stream error (RFC 9113, 5.4.2)", () => {
  test.each<[string, string, readonly Buffer[], number]>([
    ["5.1", "DATA after the end of the response", [ok(1, true), dataFrame(1, "a", true)], streamClosed],
    ["5.1", "HEADERS after the end of the response", [ok(1, true), ok(1, true)], streamClosed],
    ["6.3", "PRIORITY of a wrong size", [frame(frameType.priority, 0, 1, Buffer.alloc(4))], frameSizeError],
    ["6.9", "WINDOW_UPDATE of 0", [windowUpdate(1, 0)], protocolError],
    ["6.9.1", "a window above 2³¹-1", [windowUpdate(1, 2 ** 31 - 1)], flowControlError],
  ])("%s: %s", async (_section, _what, frames, code) => {
    const { wire, ask, connection } = await connected();
    const { heard } = ask("POST", false);
    wire.feed(...frames);
    expect(resetsOf(await wire.sent())).toEqual([[1, code]]);
    expect(heard.isClosed).toBe(true);
    expect(heard.error).toBeInstanceOf(Error);
    expect(connection.isClosed).toBe(false);
  });

  test("6.9.1: DATA exceeds the window of its stream", async () => {
    const { wire, ask, connection } = await connected();
    const { heard } = ask();
    heard.wantsMore = false;
    wire.feed(ok(1));
    const piece = frame(frameType.data, 0, 1, Buffer.alloc(16_384));
    for (let n = 0; n < 64; n++) wire.feed(piece);
    expect(heard.isClosed).toBe(false);
    wire.feed(dataFrame(1, "a", false));
    expect(resetsOf(await wire.sent())).toEqual([[1, flowControlError]]);
    expect(connection.isClosed).toBe(false);
  });
});

describe("allowed by RFC 9113:", () => {
  test.each<[string, string, readonly Buffer[]]>([
    [
      "4.1",
      "undefined flags",
      [frame(frameType.headers, 0xd2 | frameFlag.endHeaders, 1, Buffer.from([0x88]))],
    ],
    ["4.1", "a reserved bit before the stream", [Buffer.from([0, 0, 1, 1, 4, 0x80, 0, 0, 1, 0x88])]],
    ["5.5", "an unknown type", [frame(0xff, 0xff, 1, Buffer.alloc(100)), ok(1)]],
    ["6.1", "padding", [ok(1), frame(frameType.data, frameFlag.padded, 1, Buffer.from([2, 0x61, 0, 0]))]],
    ["6.1", "padding only", [ok(1), frame(frameType.data, frameFlag.padded, 1, Buffer.from([2, 0, 0]))]],
    ["6.2", "padding and priority", [frame(1, 0x2c, 1, Buffer.from([1, 0, 0, 0, 1, 9, 0x88, 0]))]],
    [
      "6.3",
      "PRIORITY, also of idle streams",
      [frame(2, 0, 1, Buffer.alloc(5)), frame(2, 0, 99, Buffer.alloc(5)), ok(1)],
    ],
    [
      "6.5.2",
      "unknown settings",
      [frame(frameType.settings, 0, 0, Buffer.from([0xff, 0xff, 0, 0, 0, 1])), ok(1)],
    ],
    [
      "6.10",
      "several continuations",
      [
        frame(1, 0, 1, Buffer.from([0x88])),
        frame(9, 0, 1, Buffer.from([0x0f])),
        frame(9, 4, 1, Buffer.from([0x10, 1, 0x61])),
      ],
    ],
    [
      "8.1.1",
      "one length twice",
      [head(["content-length", "1"], ["content-length", "1"]), dataFrame(1, "a", false)],
    ],
    [
      "8.1",
      "several informational responses",
      [fieldsFrame(1, [[":status", "103"]], false), fieldsFrame(1, [[":status", "102"]], false), ok(1)],
    ],
  ])("%s: %s", async (_section, _what, frames) => {
    const { wire, ask, connection } = await connected();
    const { heard } = ask();
    wire.feed(...frames);
    expect([connection.isClosed, heard.isClosed]).toEqual([false, false]);
    expect(heard.events.at(-1)).toMatchObject({ status: 200 });
    wire.feed(dataFrame(1, "", true));
    expect(heard).toMatchObject({ isClosed: true, error: undefined });
  });

  test.each<[string, readonly Buffer[]]>([
    ["DATA", [ok(1), dataFrame(1, "late", true)]],
    ["a malformed response", [fieldsFrame(1, [["A", "b"]], true)]],
    ["RST_STREAM", [resetFrame(1, 8)]],
    ["WINDOW_UPDATE", [windowUpdate(1, 1)]],
  ])("5.1: %s on a stream that this side has just reset", async (_what, frames) => {
    const { wire, ask, connection } = await connected();
    const { heard, stream } = ask();
    stream.reset(errorCode.cancel);
    expect(heard).toMatchObject({ isClosed: true, error: undefined });
    wire.feed(...frames);
    expect(connection.isClosed).toBe(false);
    expect(resetsOf(await wire.sent())).toEqual([[1, errorCode.cancel]]);
  });

  test("5.1: frames on any of the many streams that this side has reset", async () => {
    const { wire, ask, connection } = await connected();
    for (let n = 0; n < 3_000; n++) ask().stream.reset(errorCode.cancel);
    for (let n = 0; n < 3_000; n += 100) wire.feed(ok(1 + 2 * n, true));
    expect(connection.isClosed).toBe(false);
  });

  test("8.1.1: a length without a body in answers to HEAD and of 304", async () => {
    const { wire, ask } = await connected();
    const [one, two] = [ask("HEAD").heard, ask().heard];
    wire.feed(
      fieldsFrame(
        1,
        [
          [":status", "200"],
          ["content-length", "9"],
        ],
        true,
      ),
    );
    wire.feed(
      fieldsFrame(
        3,
        [
          [":status", "304"],
          ["content-length", "9"],
        ],
        true,
      ),
    );
    expect([one.events.at(-1), two.events.at(-1)]).toEqual(["completed", "completed"]);
  });

  test("RFC 9110, 9.3.6: the length of what opens a tunnel means nothing", async () => {
    const { wire, ask } = await connected([setting.enableConnectProtocol, 1]);
    const { heard } = ask("CONNECT", false);
    wire.feed(head(["content-length", "1"]), dataFrame(1, "more than one", true));
    expect(heard.body).toBe("more than one");
    expect(heard.events.at(-1)).toBe("completed");
  });
});
