import { CutOff, httpResponse, text } from "@pagoda/http";
import { virtualClock } from "@pagoda/core/testing";
import { dataFrame, frame, frameType } from "@pagoda/http/testing";
import { describe, expect, test } from "vitest";
import { clientPreface } from "../../src/http2/frames.ts";
import { Sink } from "../bodies.ts";
import { type Sent, settingsFrame, windowUpdate } from "../http2/wire.ts";
import { get, post } from "./conversation.ts";
import { inProcess, opened } from "./in-process.ts";

const typesOf = (frames: readonly Sent[]): number[] => frames.map(({ type }) => type);
const { data, headers, settings, ping, goaway } = frameType;

describe("responses", () => {
  test("of a turn of the event loop are one write, each of a HEADERS and a DATA frame", async () => {
    const { wire } = await opened();
    const before = wire.writes;
    wire.feed(get(1), get(3), get(5));
    const frames = await wire.sent();
    expect(typesOf(frames)).toEqual([headers, data, headers, data, headers, data]);
    expect(frames.filter(({ type }) => type === data).map(({ flags }) => flags)).toEqual([1, 1, 1]);
    expect(wire.writes - before).toBe(1);
  });

  test("wait for short bodies that have arrived with their heads", async () => {
    const { wire, counts } = await opened(async ({ body }) => httpResponse(200, body.take() ?? "streamed"));
    wire.feed(post(1), dataFrame(1, "sho", false), dataFrame(1, "rt", true));
    const frames = await wire.sent();
    expect(frames.find(({ type }) => type === data)?.payload.toString()).toBe("short");
    expect(counts.inFlight).toBe(0);
  });

  test("count as in flight until the system has taken them", async () => {
    const { wire, counts } = await opened(() => text("y".repeat(10_000)));
    wire.isBlocked = true;
    wire.feed(get(1));
    await wire.sent();
    expect(counts.inFlight).toBe(1);
    wire.unblock();
    await wire.sent();
    expect(counts.inFlight).toBe(0);
  });
});

test("a request that ends after its response was written is over at once", async () => {
  const { wire, counts } = await opened(() => text("early"));
  wire.feed(post(1));
  await wire.sent();
  expect(counts.inFlight).toBe(1);
  wire.feed(dataFrame(1, "", true));
  expect(counts.inFlight).toBe(0);
  wire.feed(post(3));
  wire.isBlocked = true;
  await wire.sent();
  wire.feed(dataFrame(3, "", true));
  expect(counts.inFlight).toBe(1);
  wire.unblock();
  await wire.sent();
  expect(counts.inFlight).toBe(0);
});

describe("a body that nobody reads", () => {
  test("is not kept with everything that was read with it", async () => {
    let sink: Sink | undefined;
    const { promise: mayRead, resolve: read } = Promise.withResolvers<void>();
    const { wire } = await opened(async ({ body }) => {
      await mayRead;
      sink = Sink.on(body);
      return new Promise(() => {});
    });
    const rest = Array.from({ length: 100 }, () => frame(0xee, 0, 0, Buffer.alloc(100)));
    wire.feed(post(1), dataFrame(1, "a", false), ...rest);
    read();
    await wire.sent();
    expect(sink?.text).toBe("a");
    expect(sink?.chunks[0]?.buffer.byteLength).toBeLessThan(100);
    wire.destroy();
  });

  test("gets no new window before it is read", async () => {
    const { promise: mayRead, resolve: read } = Promise.withResolvers<void>();
    const { wire } = await opened(async ({ body }) => {
      await mayRead;
      Sink.on(body);
      return new Promise(() => {});
    });
    wire.feed(post(1), ...Array.from({ length: 4 }, () => dataFrame(1, "a".repeat(16_000), false)));
    expect(await wire.sent()).toEqual([]);
    read();
    const updates = await wire.sent();
    expect(updates.map(({ type, stream }) => [type, stream])).toEqual([[frameType.windowUpdate, 1]]);
    wire.destroy();
  });
});

describe("a client is disconnected", () => {
  test.each<[string, readonly Uint8Array[]]>([
    ["its preface", []],
    ["its preface, after a part", [clientPreface.subarray(0, 10)]],
    ["its SETTINGS", [clientPreface]],
    ["the rest of a frame", [clientPreface, settingsFrame(), get(1).subarray(0, 20)]],
    [
      "the rest of a header block",
      [clientPreface, settingsFrame(), frame(headers, 1, 1, Buffer.from([0x82]))],
    ],
  ])("that does not send %s within 60 s", async (_what, bytes) => {
    const clock = virtualClock();
    const { wire, connection } = inProcess(() => text("yes"), clock);
    for (const each of bytes) wire.feed(each);
    for (let second = 0; second < 59; second++) {
      await clock.advance(1_000);
      connection.look(clock.now(), 0);
    }
    expect(wire.destroyed).toBe(false);
    for (let second = 0; second < 3; second++) {
      await clock.advance(1_000);
      connection.look(clock.now(), 0);
    }
    expect(wire.destroyed).toBe(true);
    expect(clock.pending).toBe(0);
  });

  test("that does not read what it was sent", async () => {
    const clock = virtualClock();
    let its: AbortSignal | undefined;
    const { wire, connection, counts } = await opened((_request, signal) => {
      its = signal;
      return text("y".repeat(60_000));
    }, clock);
    wire.isBlocked = true;
    wire.feed(get(1));
    await wire.sent();
    for (let second = 0; second < 8; second++) {
      await clock.advance(1_000);
      connection.look(clock.now(), 0);
    }
    expect([wire.destroyed, counts.inFlight]).toEqual([true, 0]);
    expect(its?.reason).toEqual(new CutOff("reading the response was slower than 240 bytes per second"));
  });
});

test("an idle connection frees its buffers, and continues", async () => {
  const { wire, connection } = await opened();
  for (let stream = 1; stream < 20; stream += 2) {
    wire.feed(get(stream));
    expect(typesOf(await wire.sent())).toEqual([headers, data]);
    // Half of a frame at the time.
    wire.feed(windowUpdate(0, 1).subarray(0, 5));
    connection.look(0, 0);
    wire.feed(windowUpdate(0, 1).subarray(5));
    connection.look(0, 0);
  }
});

describe("a connection that drains", () => {
  const lastOf = (frames: readonly Sent[]): number[] =>
    frames.filter(({ type }) => type === goaway).map(({ payload }) => payload.readUInt32BE(0));

  test("announces GOAWAY, answers what was in flight, and closes when the PING is acknowledged", async () => {
    const answers: (() => void)[] = [];
    const { wire, connection, counts } = await opened(
      () => new Promise((resolve) => answers.push(() => resolve(text("yes")))),
      virtualClock(),
    );
    wire.feed(get(1));
    connection.drain();
    const announced = await wire.sent();
    expect(typesOf(announced)).toEqual([goaway, ping]);
    expect(lastOf(announced)).toEqual([2 ** 31 - 1]);
    wire.feed(get(3), frame(ping, 1, 0, Buffer.alloc(8)), get(5));
    expect(lastOf(await wire.sent())).toEqual([3]);
    expect([answers.length, counts.inFlight]).toEqual([2, 2]);
    for (const answer of answers) answer();
    const answered = await wire.sent();
    expect(answered.filter(({ type }) => type === headers).map(({ stream }) => stream)).toEqual([1, 3]);
    expect([lastOf(answered), wire.writableEnded]).toEqual([[3], true]);
  });

  test("waits for an acknowledgement although its responses are sent, but not forever", async () => {
    const clock = virtualClock();
    const { wire, connection } = await opened(() => text("yes"), clock);
    wire.feed(get(1));
    connection.drain();
    await wire.sent();
    expect(wire.writableEnded).toBe(false);
    wire.feed(get(3));
    expect(typesOf(await wire.sent())).toContain(data);
    await clock.advance(3_000);
    expect(wire.writableEnded).toBe(true);
  });
});

test("a leaving client is asked every 30 s whether it is still there", async () => {
  const clock = virtualClock();
  const { wire, connection } = await opened(() => new Promise(() => {}), clock);
  wire.feed(get(1), frame(goaway, 0, 0, Buffer.alloc(8)));
  await clock.advance(30_000);
  connection.look(clock.now(), 0);
  expect(typesOf(await wire.sent())).toEqual([settings]);
  wire.feed(frame(settings, 1, 0, Buffer.alloc(0)));
  await clock.advance(30_000);
  connection.look(clock.now(), 0);
  expect([typesOf(await wire.sent()), wire.destroyed]).toEqual([[settings], false]);
  await clock.advance(30_000);
  connection.look(clock.now(), 0);
  expect(wire.destroyed).toBe(true);
});
