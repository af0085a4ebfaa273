import { bodyFrom, httpResponse, type HttpRequest, type HttpResponse, text } from "@pagoda/http";
import { dataFrame, fieldsFrame, frame, frameFlag, frameType, resetFrame } from "@pagoda/http/testing";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { clientPreface, setting } from "../../src/http2/frames.ts";
import { randomFrame, settingsFrame, windowUpdate } from "../http2/wire.ts";
import { block, continuation, get, head, headers, post } from "./conversation.ts";
import { inProcess } from "./in-process.ts";

async function answer({ path, body }: HttpRequest): Promise<HttpResponse> {
  switch (path) {
    case "/never":
      return new Promise(() => {});
    case "/echo":
      return httpResponse(200, body);
    case "/long":
      return httpResponse(200, Buffer.alloc(100_000));
    case "/stream":
      return httpResponse(200, bodyFrom(["a", "b"]));
    default:
      return text("yes");
  }
}

const { endStream, endHeaders, padded, priority } = frameFlag;

/** A session with all types of frames that clients send. */
const session: readonly Buffer[] = [
  settingsFrame([setting.initialWindowSize, 100], [setting.maxFrameSize, 20_000], [setting.enablePush, 0]),
  windowUpdate(0, 1_000),
  get(1),
  post(3, "/echo", ["content-length", "5"], ["x-a", "b"]),
  dataFrame(3, "abc", false),
  frame(frameType.priority, 0, 3, Buffer.from([0, 0, 0, 1, 5])),
  frame(frameType.data, padded | endStream, 3, Buffer.from("\x02de\0\0")),
  get(5, "/long"),
  windowUpdate(5, 5_000),
  headers(
    padded | priority,
    7,
    Buffer.concat([Buffer.from([1, 0, 0, 0, 0, 9]), block("/stream"), Buffer.alloc(1)]),
  ),
  continuation(endHeaders, 7, Buffer.from([0x40, 1, 0x61, 1, 0x62])),
  dataFrame(7, "body", false),
  fieldsFrame(7, [["x-sum", "1"]], true),
  get(9, "/never"),
  resetFrame(9, 8),
  fieldsFrame(11, [...head("/chat", "CONNECT"), [":protocol", "websocket"]], false),
  frame(frameType.ping, 0, 0, Buffer.from("pingping")),
  frame(0xbe, 0xff, 5, Buffer.from("unknown")),
  frame(frameType.settings, frameFlag.acknowledged, 0, Buffer.alloc(0)),
  frame(frameType.goaway, 0, 0, Buffer.alloc(8)),
];

/** Feeds bytes in pieces to a connection, then ends it. Nothing may throw, hang or grow. */
async function survive(bytes: Buffer, cuts: readonly number[]): Promise<void> {
  const { wire, counts, server } = inProcess(answer);
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length];
  for (let n = 1; n < places.length; n++) {
    wire.feed(bytes.subarray(places[n - 1], places[n]));
    if (n % 3 === 1) await new Promise(setImmediate);
  }
  await new Promise(setImmediate);
  // 100 KB are asked for at a time.
  expect(wire.writableLength).toBeLessThan(500_000);
  wire.emit("end");
  wire.destroy();
  await new Promise(setImmediate);
  expect([counts.inFlight, server.backlog.bytes]).toEqual([0, 0]);
}

describe("a server's connection survives", () => {
  const bytes = Buffer.concat([clientPreface, ...session]);

  test("a session cut at every position", async () => {
    for (let at = 0; at <= bytes.length; at++) await survive(bytes, [at]);
  });

  test("an end at every position", async () => {
    for (let at = 0; at < bytes.length; at++) await survive(bytes.subarray(0, at), []);
  });

  test("a wrong byte at every position", async () => {
    for (let at = 0; at < bytes.length; at++)
      for (const value of [0x00, 0x7f, 0xff, (bytes[at] as number) ^ 0x01, (bytes[at] as number) ^ 0x04]) {
        const mutated = Buffer.from(bytes);
        mutated[at] = value;
        await survive(mutated, [at]);
      }
  });

  test("frames in any order, with wrong bytes, cut anywhere", async () => {
    const anyFrame = fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...session) }, randomFrame(16));
    const mutation = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }));
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyFrame, { maxLength: 30 }),
        fc.array(mutation, { maxLength: 3 }),
        fc.array(fc.nat(), { maxLength: 5 }),
        async (frames, mutations, cuts) => {
          const start = clientPreface.length;
          const mutated = Buffer.concat([clientPreface, settingsFrame(), ...frames]);
          for (const [at, value] of mutations) mutated[start + (at % (mutated.length - start))] = value;
          await survive(mutated, cuts);
        },
      ),
      { numRuns: 1_000 },
    );
  });
});
