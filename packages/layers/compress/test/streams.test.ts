import { createBrotliDecompress, createGunzip, createZstdDecompress } from "node:zlib";
import type { Transform } from "node:stream";
import { HttpHeaders, httpResponse } from "@pagoda/http";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Coding } from "@pagoda/compress";
import { codings, decompressed, get, long, page, Reader, Source, through } from "./bench.ts";

const streams: Readonly<Record<Coding, () => Transform>> = {
  zstd: () => createZstdDecompress(),
  br: () => createBrotliDecompress(),
  gzip: () => createGunzip(),
};

async function compressing(source: Source, coding: Coding): Promise<Reader> {
  const response = await through(get({ "accept-encoding": coding }), {
    ...httpResponse(200, undefined, page),
    body: source,
  });
  return new Reader(response.body);
}

describe.each(codings)("a stream in %s", (coding) => {
  test("is flushed whenever the source pauses, so that each event arrives at once", async () => {
    const source = new Source();
    const response = await through(get({ "accept-encoding": coding }), {
      ...httpResponse(200, undefined, { "content-type": "text/event-stream" }),
      body: source,
    });
    const decoder = streams[coding]();
    const reader = new Reader(response.body);
    const events: string[] = [];
    decoder.on("data", (data: Buffer) => events.push(data.toString()));
    let written = 0;
    for (const event of ["data: 1\n\n", "data: two\n\n", "data: 3\n\n"]) {
      source.give(event);
      // Fails by hanging if the event is held back.
      while (events.join("").length < written + event.length) {
        const seen = reader.chunks.length;
        await reader.until(() => reader.chunks.length > seen || reader.chunks.length > 0);
        for (const chunk of reader.chunks.splice(0)) await new Promise((done) => decoder.write(chunk, done));
      }
      written += event.length;
    }
    expect(events.join("")).toBe("data: 1\n\ndata: two\n\ndata: 3\n\n");
    source.all();
  });

  test("of known length is not flushed: its reader waits for the end", async () => {
    const sizes: number[] = [];
    for (const length of [undefined, 50 * long.length]) {
      const source = new Source(length);
      const reader = await compressing(source, coding);
      for (let n = 0; n < 50; n++) await source.fed(long);
      source.all();
      await reader.ended;
      const whole = Buffer.concat(reader.chunks);
      expect(decompressed[coding](whole).toString()).toBe(long.repeat(50));
      sizes.push(whole.length);
    }
    const [live = 0, known = 0] = sizes;
    expect(known).toBeLessThan(live);
  });

  test("keeps its dictionary over a flush", async () => {
    const source = new Source();
    const reader = await compressing(source, coding);
    const event = Array.from({ length: 100 }, (_, n) => String(Math.imul(n, 2_654_435_761))).join();
    await source.fed(event);
    const { length } = await reader.until((all) => all.length > 100);
    source.give(event);
    source.all();
    await reader.ended;
    expect(Buffer.concat(reader.chunks).length - length).toBeLessThan(length / 4);
  });

  test("keeps its trailers", async () => {
    const source = new Source();
    const reader = await compressing(source, coding);
    const trailers = HttpHeaders.of({ "x-sum": "1" });
    source.give(long);
    source.all(trailers);
    expect(await reader.ended).toBe(trailers);
  });

  test("breaks off with its source, with the same fault", async () => {
    const source = new Source();
    const reader = await compressing(source, coding);
    source.give(long);
    await reader.until((all) => all.length > 0);
    source.break("gone");
    expect(await reader.ended).toMatchObject({ _tag: "BodyBroken", origin: "upstream", cause: "gone" });
  });

  test("arrives completely at a reader that pauses after every chunk", async () => {
    const source = new Source();
    const reader = await compressing(source, coding);
    reader.accepts = false;
    // Hardly compressible, so that the reader gets about as much as the source gives.
    const noise = Buffer.from(
      Array.from({ length: 65_536 }, (_, n) => Math.imul(n * n, 2_654_435_761) >>> 13),
    );
    for (let n = 0; n < 16; n++) source.give(noise);
    source.all();
    let isOver = false;
    void reader.ended.then(() => (isOver = true));
    for (let seen = 0; !isOver; seen = reader.chunks.length) {
      await Promise.race([reader.until(() => reader.chunks.length > seen), reader.ended]);
      expect(reader.chunks.length).toBeLessThanOrEqual(seen + 1);
      reader.flow?.resume();
    }
    expect(decompressed[coding](Buffer.concat(reader.chunks)).length).toBe(16 * noise.length);
  });

  test("that is cancelled stops its source", async () => {
    const source = new Source();
    const reader = await compressing(source, coding);
    source.give(long);
    reader.flow?.cancel("enough");
    expect(source.events).toEqual(["stop enough"]);
  });

  test("property: any content in any chunks comes out the same", async () => {
    const chunk = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.string({ maxLength: 200 }).map((text) => Buffer.from(text.repeat(50))),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(chunk, { maxLength: 12 }), fc.boolean(), async (chunks, isLive) => {
        const all = Buffer.concat(chunks);
        const source = new Source(isLive ? undefined : all.length + 1_024);
        const reader = await compressing(source, coding);
        for (const [n, each] of chunks.entries()) {
          source.give(each);
          if (isLive && n % 3 === 1 && each.length > 0) {
            const seen = reader.chunks.length;
            await reader.until(() => reader.chunks.length > seen);
          }
        }
        source.all();
        await reader.ended;
        expect(decompressed[coding](Buffer.concat(reader.chunks)).equals(all)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });
});

test("a compressor that fails breaks the body off with origin local", async () => {
  const { CompressedBody } = await import("../src/compressed-body.ts");
  const codec = {
    levels: { min: 1, max: 1, standard: 1 },
    stream: () => {
      throw new Error("out of memory");
    },
    whole: (bytes: Uint8Array) => bytes,
    flush: 0,
  };
  const source = new Source();
  const reader = new Reader(new CompressedBody(source, codec, 1, true));
  source.give(long);
  expect(await reader.ended).toMatchObject({
    _tag: "BodyBroken",
    origin: "local",
    cause: { message: "out of memory" },
  });
  expect(source.events).toHaveLength(1);
});
