import { dataFrame, fieldsFrame, frame, resetFrame } from "@pagoda/http/testing";
import { describe, expect, test } from "vitest";
import { errorCode } from "../../src/http2/error-codes.ts";
import { frameFlag, frameType, maxUint31, readUint32, setting } from "../../src/http2/frames.ts";
import {
  connected,
  connecting,
  goaway,
  goawayOf,
  Heard,
  ok,
  resetsOf,
  type Sent,
  settingsFrame,
  windowUpdate,
} from "./wire.ts";

const dataOf = (frames: readonly Sent[], stream: number): readonly Sent[] =>
  frames.filter((each) => each.type === frameType.data && each.stream === stream);
const bytesOf = (frames: readonly Sent[], stream: number): number =>
  dataOf(frames, stream).reduce((sum, { payload }) => sum + payload.length, 0);
const updatesOf = (frames: readonly Sent[]): (readonly [stream: number, increment: number])[] =>
  frames
    .filter(({ type }) => type === frameType.windowUpdate)
    .map(({ stream, payload }) => [stream, readUint32(payload, 0)]);

describe("ClientConnection", () => {
  test("begins with preface, settings without push, and its window, in one write (RFC 9113, 3.4)", async () => {
    const { wire, events } = connecting();
    const frames = await wire.sent();
    expect(frames.map(({ type }) => type)).toEqual([frameType.settings, frameType.windowUpdate]);
    expect(frames[0]?.payload.subarray(0, 6)).toEqual(Buffer.from([0, setting.enablePush, 0, 0, 0, 0]));
    expect(wire.writes).toBe(1);
    expect(events).toEqual([]);
    wire.feed(settingsFrame());
    expect(events).toEqual(["opened"]);
    expect(await wire.sent()).toMatchObject([{ type: frameType.settings, flags: frameFlag.acknowledged }]);
  });

  test("writes all requests of a turn at once", async () => {
    const { wire, ask } = await connected();
    const before = wire.writes;
    for (let n = 0; n < 50; n++) ask();
    const frames = await wire.sent();
    expect(frames.map(({ stream }) => stream)).toEqual(Array.from({ length: 50 }, (_, n) => 1 + 2 * n));
    expect(wire.writes - before).toBe(1);
  });

  test("a short body and its end go with the header fields", async () => {
    const { wire, ask } = await connected();
    const before = wire.writes;
    const { stream } = ask("POST", false);
    stream.write(Buffer.from("a"));
    stream.write(Buffer.from("b"));
    stream.end();
    expect(await wire.sent()).toMatchObject([
      { type: frameType.headers, flags: frameFlag.endHeaders },
      { type: frameType.data, flags: 0, payload: Buffer.from("a") },
      { type: frameType.data, flags: frameFlag.endStream, payload: Buffer.from("b") },
    ]);
    expect(wire.writes - before).toBe(1);
  });

  test("splits fields above the maximum frame size (RFC 9113, 4.3)", async () => {
    const { wire, connection } = await connected();
    connection.request([":method", "GET", "x-a", "x".repeat(40_000)], "GET", true, new Heard());
    const frames = await wire.sent();
    expect(frames.map(({ type, flags }) => [type, flags])).toEqual([
      [frameType.headers, frameFlag.endStream],
      [frameType.continuation, 0],
      [frameType.continuation, frameFlag.endHeaders],
    ]);
  });

  test("reports a response in order", async () => {
    const { wire, ask } = await connected();
    const { heard } = ask();
    wire.feed(
      fieldsFrame(1, [[":status", "103"]], false),
      fieldsFrame(
        1,
        [
          [":status", "200"],
          ["content-length", "5"],
          ["a", "b"],
        ],
        false,
      ),
      dataFrame(1, "he", false),
      dataFrame(1, "llo", false),
      fieldsFrame(1, [["sum", "1"]], true),
    );
    expect(heard.events).toEqual([
      103,
      { status: 200, fields: ["content-length", "5", "a", "b"], length: 5 },
      { trailers: ["sum", "1"] },
      "completed",
    ]);
    expect(heard).toMatchObject({ body: "hello", isClosed: true, error: undefined });
  });

  test("answers a PING with the same bytes (RFC 9113, 6.7)", async () => {
    const { wire } = await connected();
    const payload = Buffer.from("12345678");
    wire.feed(frame(frameType.ping, 0, 0, payload), frame(frameType.ping, 1, 0, payload));
    expect(await wire.sent()).toMatchObject([{ type: frameType.ping, flags: 1, payload }]);
  });

  test("leaves when it has used up all streams (RFC 9113, 5.1.1)", async () => {
    const { wire, ask, connection, events } = await connected();
    connection.nextStream = maxUint31 - 2;
    ask();
    expect(events).not.toContain("leaving");
    const { heard } = ask();
    expect(events.at(-1)).toBe("leaving");
    wire.feed(ok(maxUint31, true));
    expect(heard.events.at(-1)).toBe("completed");
  });

  test("close sends GOAWAY and ends the socket", async () => {
    const { wire, connection, ended } = await connected();
    connection.close();
    expect(goawayOf(await wire.sent())).toBe(errorCode.noError);
    await ended;
    expect(wire.destroyed).toBe(true);
  });

  test.each([
    ["ends", "ENDED"],
    ["breaks", "ECONNRESET"],
  ])("a socket that %s closes its streams", async (how, code) => {
    const { wire, ask, ended } = await connected();
    const { heard } = ask();
    wire.feed(ok(1), dataFrame(1, "half", false));
    if (how === "ends") wire.emit("end");
    else wire.destroy(Object.assign(new Error("reset"), { code }));
    expect(await ended).toMatchObject({ code });
    expect(heard).toMatchObject({ body: "half", error: { code }, isProcessed: true });
  });

  test("a callback that throws breaks the connection, and the error is not swallowed", async () => {
    const { wire, connection, ended } = await connected();
    const mistake = new Error("a mistake");
    const heard = new Heard();
    heard.informed = () => {
      throw mistake;
    };
    connection.request([":method", "GET"], "GET", true, heard);
    expect(() => wire.feed(fieldsFrame(1, [[":status", "103"]], false))).toThrow(mistake);
    expect(await ended).toBe(mistake);
  });
});

describe("RST_STREAM (RFC 9113, 6.4)", () => {
  test.each([
    [errorCode.noError, "NO_ERROR"],
    [errorCode.refusedStream, "REFUSED_STREAM"],
    [errorCode.enhanceYourCalm, "ENHANCE_YOUR_CALM"],
    [99, "99"],
  ])("with code %d closes its stream with %s", async (code, name) => {
    const { wire, ask, connection } = await connected();
    const { heard } = ask("POST", false);
    const other = ask().heard;
    wire.feed(resetFrame(1, code));
    expect(heard).toMatchObject({ isClosed: true, error: { code: name }, isProcessed: true });
    expect([other.isClosed, connection.isClosed]).toEqual([false, false]);
    expect(resetsOf(await wire.sent())).toEqual([]);
  });
});

describe("GOAWAY (RFC 9113, 6.8)", () => {
  test("closes streams above the last one as not processed, and the others continue", async () => {
    const { wire, ask, events, connection } = await connected();
    const [one, two, three] = [ask().heard, ask().heard, ask().heard] as const;
    wire.feed(goaway(3, errorCode.noError));
    expect(events.at(-1)).toBe("leaving");
    expect(three).toMatchObject({ error: { code: "REFUSED_STREAM" }, isProcessed: false });
    wire.feed(ok(1, true), ok(3, true));
    expect([one, two].map(({ events: all }) => all.at(-1))).toEqual(["completed", "completed"]);
    expect(connection.isClosed).toBe(false);
  });

  test("a second one may lower the last stream", async () => {
    const { wire, ask } = await connected();
    const [one, two] = [ask().heard, ask().heard] as const;
    wire.feed(goaway(maxUint31, errorCode.noError));
    expect([one.isClosed, two.isClosed]).toEqual([false, false]);
    wire.feed(goaway(1, errorCode.noError));
    expect([one.isClosed, two.isProcessed]).toEqual([false, false]);
  });

  test("with an error closes everything", async () => {
    const { wire, ask, ended } = await connected();
    const [one, two] = [ask().heard, ask().heard] as const;
    wire.feed(goaway(1, errorCode.enhanceYourCalm));
    expect(one).toMatchObject({ error: { code: "ENHANCE_YOUR_CALM" }, isProcessed: true });
    expect(two).toMatchObject({ error: { code: "REFUSED_STREAM" }, isProcessed: false });
    expect(await ended).toMatchObject({ code: "ENHANCE_YOUR_CALM" });
  });
});

describe("flow control (RFC 9113, 6.9)", () => {
  test("DATA keeps to the window of its stream and of the connection", async () => {
    const { wire, ask } = await connected([setting.initialWindowSize, 1_000]);
    const { stream, heard } = ask("POST", false);
    expect(stream.write(Buffer.alloc(2_500))).toBe(false);
    expect(bytesOf(await wire.sent(), 1)).toBe(1_000);
    wire.feed(windowUpdate(1, 500));
    expect(bytesOf(await wire.sent(), 1)).toBe(500);
    expect(heard.events).toEqual([]);
    wire.feed(windowUpdate(1, 10_000));
    expect(bytesOf(await wire.sent(), 1)).toBe(1_000);
    expect(heard.events).toEqual(["drained"]);
    expect(stream.write(Buffer.alloc(100))).toBe(true);
    stream.end();
    expect(dataOf(await wire.sent(), 1).at(-1)?.flags).toBe(frameFlag.endStream);
  });

  test("several streams share the window of the connection", async () => {
    const { wire, ask } = await connected([setting.initialWindowSize, 1_000_000]);
    const streams = [ask("POST", false).stream, ask("POST", false).stream];
    for (const stream of streams) stream.write(Buffer.alloc(60_000));
    const frames = await wire.sent();
    expect([bytesOf(frames, 1), bytesOf(frames, 3)]).toEqual([60_000, 5_535]);
    wire.feed(windowUpdate(0, 100_000));
    expect(bytesOf(await wire.sent(), 3)).toBe(60_000 - 5_535);
  });

  test("6.9.2: a change of the initial window changes those of all streams, also below 0", async () => {
    const { wire, ask } = await connected([setting.initialWindowSize, 1_000]);
    const { stream } = ask("POST", false);
    stream.write(Buffer.alloc(3_000));
    wire.feed(settingsFrame([setting.initialWindowSize, 400]), windowUpdate(1, 500));
    expect(bytesOf(await wire.sent(), 1)).toBe(1_000);
    wire.feed(windowUpdate(1, 200));
    expect(bytesOf(await wire.sent(), 1)).toBe(100);
    wire.feed(settingsFrame([setting.initialWindowSize, 5_000]));
    expect(bytesOf(await wire.sent(), 1)).toBe(1_900);
  });

  test("the end and the trailers wait for the data before them", async () => {
    const { wire, ask } = await connected([setting.initialWindowSize, 0]);
    const { stream } = ask("POST", false);
    stream.write(Buffer.from("body"));
    stream.end(["sum", "1"]);
    expect((await wire.sent()).map(({ type }) => type)).toEqual([frameType.headers]);
    wire.feed(windowUpdate(1, 100));
    const frames = await wire.sent();
    expect(frames.map(({ type }) => type)).toEqual([frameType.data, frameType.headers]);
    expect(frames[1]?.flags).toBe(frameFlag.endStream | frameFlag.endHeaders);
  });

  test("DATA waits for a socket that takes no more", async () => {
    const { wire, ask } = await connected([setting.initialWindowSize, maxUint31]);
    wire.feed(windowUpdate(0, 2 ** 30));
    wire.isBlocked = true;
    const { stream, heard } = ask("POST", false);
    expect(stream.write(Buffer.alloc(10_000_000))).toBe(false);
    expect(wire.writableLength).toBeLessThan(500_000);
    let bytes = bytesOf(await wire.sent(), 1);
    expect(wire.writableLength).toBeLessThan(500_000);
    wire.unblock();
    while (!heard.events.includes("drained")) bytes += bytesOf(await wire.sent(), 1);
    expect(bytes + bytesOf(await wire.sent(), 1)).toBe(10_000_000);
  });

  test("windows are renewed in steps, and not for a paused reader", async () => {
    const { wire, ask } = await connected();
    const piece = (stream: number): Buffer => frame(frameType.data, 0, stream, Buffer.alloc(16_384));
    const one = ask();
    const two = ask();
    two.heard.wantsMore = false;
    wire.feed(ok(1), ok(3));
    for (let n = 0; n < 32; n++) wire.feed(piece(1), piece(3));
    expect(updatesOf(await wire.sent())).toEqual([[1, 524_288]]);
    two.stream.resume();
    expect(updatesOf(await wire.sent())).toEqual([[3, 524_288]]);
    // That of the connection does not depend on readers.
    two.heard.wantsMore = false;
    for (let n = 0; n < 480; n++) wire.feed(piece(1));
    expect(updatesOf(await wire.sent()).filter(([stream]) => stream === 0)).toEqual([[0, 8_388_608]]);
    expect(one.heard.isClosed).toBe(false);
  });

  test("padding counts (RFC 9113, 6.1)", async () => {
    const { wire, ask } = await connected();
    const { heard } = ask();
    wire.feed(ok(1));
    const padded = frame(frameType.data, frameFlag.padded, 1, Buffer.from([99, 0x61, ...Buffer.alloc(99)]));
    for (let n = 0; n < Math.ceil(524_288 / 101); n++) wire.feed(padded);
    const [[stream, increment] = [0, 0]] = updatesOf(await wire.sent());
    expect([stream, increment]).toEqual([1, Math.ceil(524_288 / 101) * 101]);
    expect(heard.body.length).toBe(Math.ceil(524_288 / 101));
  });
});
