import { dataFrame, fieldsFrame, frame, resetFrame } from "@pagoda/http/testing";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type FrameHandler, FrameReader } from "../../src/http2/frame-reader.ts";
import { frameFlag, frameType, setting } from "../../src/http2/frames.ts";
import { connected, connecting, goaway, ok, randomFrame, settingsFrame, windowUpdate } from "./wire.ts";

/** What a server may send, with every type of frame; the requests are on streams 1, 3 and 5. */
const conversation: readonly Buffer[] = [
  settingsFrame([setting.maxConcurrentStreams, 100], [setting.initialWindowSize, 100_000]),
  frame(frameType.settings, frameFlag.acknowledged, 0, Buffer.alloc(0)),
  windowUpdate(0, 1_000_000),
  fieldsFrame(
    1,
    [
      [":status", "103"],
      ["link", "</a>"],
    ],
    false,
  ),
  ok(1),
  dataFrame(1, "some content", false),
  frame(frameType.priority, 0, 1, Buffer.alloc(5)),
  frame(frameType.headers, 0, 3, Buffer.from([0x88, 0x0f, 0x10])),
  frame(frameType.continuation, 0, 3, Buffer.from([0x03, 0x61])),
  frame(frameType.continuation, frameFlag.endHeaders, 3, Buffer.from([0x62, 0x63])),
  frame(frameType.data, frameFlag.padded, 3, Buffer.from([3, 0x61, 0x62, 0, 0, 0])),
  frame(frameType.ping, 0, 0, Buffer.from("12345678")),
  frame(frameType.headers, 0x2c, 5, Buffer.from([2, 0, 0, 0, 0, 9, 0x88, 0, 0])),
  windowUpdate(5, 99),
  resetFrame(5, 8),
  dataFrame(1, "", false),
  fieldsFrame(1, [["grpc-status", "0"]], true),
  frame(0x77, 0, 0, Buffer.from("unknown")),
  goaway(3, 0),
  dataFrame(3, "the end", true),
];

const feed = (reader: FrameReader, bytes: Buffer): void => reader.read(bytes, bytes.length);

/** Notes the frames; neighbouring pieces of DATA count as one. */
function noting(): { handler: FrameHandler; seen: string[] } {
  const seen: string[] = [];
  const handler: FrameHandler = {
    dataBegins: (stream, length) => void seen.push(`data on ${stream}, ${length} bytes: `),
    data: (bytes, from, to) => void (seen[seen.length - 1] += bytes.toString("latin1", from, to)),
    dataEnds: (isLast) => void seen.push(`data ends, ${isLast}`),
    headers: (stream, isLast, bytes, from, to) =>
      void seen.push(`headers on ${stream}, ${isLast}: ${bytes.toString("hex", from, to)}`),
    control: (type, flags, stream, bytes, from, to) =>
      void seen.push(`${type} ${flags} on ${stream}: ${bytes.toString("hex", from, to)}`),
  };
  return { handler, seen };
}

describe("FrameReader", () => {
  const bytes = Buffer.concat(conversation);
  const whole = noting();
  feed(new FrameReader(whole.handler), bytes);

  test("reports every frame", () => {
    expect(whole.seen.filter((line) => !line.startsWith("data ends"))).toHaveLength(18);
    expect(whole.seen).toContain("headers on 3, false: 880f1003616263");
    expect(whole.seen).toContain("data on 3, 6 bytes: ab");
  });

  test("is independent of how the bytes are split: in two, at every position", () => {
    for (let cut = 0; cut <= bytes.length; cut++) {
      const { handler, seen } = noting();
      const reader = new FrameReader(handler);
      feed(reader, bytes.subarray(0, cut));
      feed(reader, bytes.subarray(cut));
      expect(seen).toEqual(whole.seen);
    }
  });

  test.each([1, 2, 3, 7, 9, 10, 100])(
    "is independent of how the bytes are split: in pieces of %d",
    (size) => {
      const { handler, seen } = noting();
      const reader = new FrameReader(handler);
      for (let at = 0; at < bytes.length; at += size) feed(reader, bytes.subarray(at, at + size));
      expect(seen).toEqual(whole.seen);
    },
  );

  test("reads nothing after stop", () => {
    const { handler, seen } = noting();
    const reader = new FrameReader({ ...handler, dataEnds: () => reader.stop() });
    feed(reader, Buffer.concat([dataFrame(1, "a", true), ...conversation]));
    expect(seen).toEqual(["data on 1, 1 bytes: a"]);
  });
});

/** Feeds mutated bytes to a connection with three requests, in random pieces, then ends it. */
async function survive(bytes: Buffer, cuts: readonly number[], isOpen: boolean): Promise<void> {
  const { wire, ask, ended } = isOpen ? await connected() : connecting();
  if (!isOpen) wire.feed(settingsFrame());
  const heard = [ask("GET").heard, ask("POST", false).heard, ask("HEAD").heard];
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length];
  for (let n = 1; n < places.length; n++) wire.feed(bytes.subarray(places[n - 1], places[n]));
  // Answers must not grow with what is sent.
  expect(wire.writableLength).toBeLessThan(100_000);
  wire.emit("end");
  expect(await ended).toBeInstanceOf(Error);
  for (const each of heard) expect(each.isClosed).toBe(true);
}

describe("a connection survives", () => {
  const bytes = Buffer.concat(conversation);

  test("a wrong byte at every position", async () => {
    for (let at = 0; at < bytes.length; at++)
      for (const value of [0x00, 0x01, 0x7f, 0xff, (bytes[at] as number) ^ 0x04]) {
        const mutated = Buffer.from(bytes);
        mutated[at] = value;
        await survive(mutated, [at], false);
      }
  });

  test("an end at every position", async () => {
    for (let at = 0; at < bytes.length; at++) await survive(bytes.subarray(0, at), [], false);
  });

  test("frames in any order, with wrong bytes, cut anywhere", async () => {
    const anyFrame = fc.oneof(fc.constantFrom(...conversation), randomFrame(8));
    const mutation = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }));
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyFrame, { maxLength: 30 }),
        fc.array(mutation, { maxLength: 3 }),
        fc.array(fc.nat(), { maxLength: 5 }),
        async (frames, mutations, cuts) => {
          const mutated = Buffer.concat([settingsFrame(), ...frames]);
          for (const [at, value] of mutations) mutated[at % mutated.length] = value;
          await survive(mutated, cuts, true);
        },
      ),
      { numRuns: 500 },
    );
  });

  test("noise", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 500 }), (noise) => survive(Buffer.from(noise), [], true)),
      { numRuns: 200 },
    );
  });
});
