import { getEventListeners } from "node:events";
import { bodyFrom, bodyOf, emptyBody, HttpHeaders } from "@pagoda/http";
import { settled } from "@pagoda/core/testing";
import { left, right } from "@pagoda/core";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { chunksOf, observed, Sink, Source } from "./bodies.ts";

const tooLarge = (maxBytes: number) => ({
  _tag: "Left",
  left: { _tag: "BodyTooLarge", origin: "local", retryable: false, maxBytes },
});

describe("emptyBody", () => {
  test("has ended from the start and can be read repeatedly", async () => {
    for (let i = 0; i < 2; i++) {
      const sink = Sink.on(emptyBody);
      expect(sink.chunks).toEqual([]);
      expect(sink.ends).toEqual(["end"]);
      expect(sink.trailers).toBe(HttpHeaders.empty);
    }
    expect(emptyBody.length).toBe(0);
    expect(emptyBody.take()).toHaveLength(0);
    expect(observed(emptyBody)).toEqual([true]);
    emptyBody.cancel();
    expect(await emptyBody.text()).toEqual(right(""));
  });
});

describe("bodyOf", () => {
  test("can be read any number of times", async () => {
    const body = bodyOf("grüß");
    expect(body.length).toBe(6);
    for (let i = 0; i < 2; i++) {
      const sink = Sink.on(body);
      expect(sink.text).toBe("grüß");
      expect(sink.ends).toEqual(["end"]);
      expect(await body.text()).toEqual(right("grüß"));
    }
  });

  test("returns emptyBody for empty content", () => {
    expect(bodyOf("")).toBe(emptyBody);
    expect(bodyOf(new Uint8Array(0))).toBe(emptyBody);
  });

  test("reports to observers whether it was read", () => {
    const read = bodyOf("a");
    const calls = observed(read);
    read.take();
    expect(calls).toEqual([true]);
    const cancelled = bodyOf("a");
    cancelled.cancel();
    expect(observed(cancelled)).toEqual([false]);
  });
});

describe("bytes, text and json", () => {
  test("collect chunks that split UTF-8 sequences", async () => {
    const source = new Source();
    const text = source.text();
    const bytes = Buffer.from("aß€𝒳");
    for (const byte of bytes) source.write(Uint8Array.of(byte));
    source.end();
    expect(await text).toEqual(right("aß€𝒳"));
  });

  test("json reports malformed JSON", async () => {
    expect(await bodyOf('{"a":[1]}').json()).toEqual(right({ a: [1] }));
    expect(await bodyOf('{"a":').json()).toMatchObject({
      left: { _tag: "BodyMalformed", origin: "local", retryable: false, reason: expect.any(String) },
    });
    expect(await emptyBody.json()).toMatchObject({ left: { _tag: "BodyMalformed" } });
  });

  test("a broken source is a fault for all three", async () => {
    for (const read of ["bytes", "text", "json"] as const) {
      const source = new Source();
      const result = source[read]();
      source.write("1");
      source.break();
      expect(await result).toMatchObject({ left: { _tag: "BodyBroken" } });
    }
  });

  test("a body over the limit cancels the source, with or without known length", async () => {
    const announced = new Source();
    announced.length = 4;
    expect(await announced.bytes({ maxBytes: 3 })).toEqual(tooLarge(3));
    expect(announced.calls).toEqual(["stop undefined"]);

    const flowing = new Source();
    const result = flowing.bytes({ maxBytes: 3 });
    expect(flowing.write("abc")).toBe(true);
    expect(flowing.write("d")).toBe(false);
    expect(await result).toEqual(tooLarge(3));
    expect(flowing.calls).toEqual(["start", "stop undefined"]);

    const kept = new Source();
    kept.write("abc", "d");
    expect(await kept.text({ maxBytes: 3 })).toEqual(tooLarge(3));
    expect(kept.calls).toEqual(["start", "stop undefined"]);
  });

  test("a body of exactly the limit is accepted", async () => {
    expect(await bodyOf("abc").text({ maxBytes: 3 })).toEqual(right("abc"));
    expect(await bodyOf("abcd").text({ maxBytes: 3 })).toEqual(tooLarge(3));
    const mebibyte = new Uint8Array(1_048_576);
    expect((await bodyOf(mebibyte).bytes())._tag).toBe("Right");
    expect(await bodyOf(Buffer.concat([mebibyte, mebibyte])).bytes()).toEqual(tooLarge(1_048_576));
  });

  test.each(["bytes", "text", "json"] as const)(
    "%s ends with Aborted when its signal aborts and cancels the source",
    async (read) => {
      const source = new Source();
      const leaving = new AbortController();
      const result = source[read]({ signal: leaving.signal });
      source.write("{");
      leaving.abort("enough");
      expect(await result).toMatchObject(left({ _tag: "Aborted", origin: "local", cause: "enough" }));
      expect(source.calls).toEqual(["start", "stop enough"]);
      expect(getEventListeners(leaving.signal, "abort")).toEqual([]);
    },
  );

  test("a signal that is already aborted cancels the source without reading", async () => {
    const source = new Source();
    expect(await source.text({ signal: AbortSignal.abort("early") })).toMatchObject(
      left({ _tag: "Aborted", cause: "early" }),
    );
    expect(source.calls).toEqual(["stop early"]);
  });

  test("leave no listener on the signal", async () => {
    const { signal } = new AbortController();
    const endings: ((source: Source) => void)[] = [
      (source) => source.end(),
      (source) => source.break(),
      (source) => source.write("too much"),
    ];
    for (const ending of endings) {
      const source = new Source();
      const result = source.bytes({ signal, maxBytes: 3 });
      ending(source);
      await result;
      expect(getEventListeners(signal, "abort")).toEqual([]);
    }
  });

  test.each([-1, NaN])("reject maxBytes %d", async (maxBytes) => {
    await expect(bodyFrom(["a"]).bytes({ maxBytes })).rejects.toThrow(
      new RangeError(`body: maxBytes must be a number of at least 0 (got ${maxBytes})`),
    );
  });

  test("maxBytes Infinity allows any size", async () => {
    const two = Buffer.alloc(2 * 1_048_576);
    expect(await bodyFrom([two]).bytes({ maxBytes: Infinity })).toEqual(right(two));
  });

  test("reading twice rejects with a TypeError", async () => {
    const body = bodyFrom(["a"]);
    expect(await body.text()).toEqual(right("a"));
    await expect(body.text()).rejects.toThrow(TypeError);
  });

  test("defect: a complete body of unknown length passed any limit", async () => {
    const source = new Source();
    source.write("abcd");
    source.end();
    expect(await source.bytes({ maxBytes: 3 })).toEqual(tooLarge(3));
  });
});

describe("iteration", () => {
  test("takes one chunk at a time and pauses the source meanwhile", async () => {
    const source = new Source();
    const pieces = source[Symbol.asyncIterator]();
    const first = pieces.next();
    expect(source.write("a")).toBe(false);
    expect(String(Buffer.from((await first).value as Uint8Array))).toBe("a");
    expect(source.calls).toEqual(["start"]);
    const second = pieces.next();
    await settled();
    expect(source.calls).toEqual(["start", "go on"]);
    source.write("b");
    source.end();
    expect((await second).done).toBe(false);
    expect((await pieces.next()).done).toBe(true);
  });

  test("leaving the loop cancels the source", async () => {
    const source = new Source();
    source.write("a", "b");
    for await (const piece of source) {
      expect(String(Buffer.from(piece))).toBe("a");
      break;
    }
    expect(source.calls).toEqual(["start", "stop undefined"]);
  });

  test("throws the fault of a source that breaks after yielding what arrived", async () => {
    const source = new Source();
    const got: string[] = [];
    const read = (async () => {
      for await (const piece of source) got.push(String(Buffer.from(piece)));
    })();
    source.write("a");
    await settled();
    source.break();
    await expect(read).rejects.toMatchObject({ _tag: "BodyBroken" });
    expect(got).toEqual(["a"]);
  });

  test("yields a complete body as one chunk and an empty one as none", async () => {
    const pieces = async (body: typeof emptyBody) => (await chunksOf(body)).map(String);
    expect(await pieces(bodyOf(Buffer.from("ab")))).toEqual(["ab"]);
    expect(await pieces(emptyBody)).toEqual([]);
  });

  test("property: yields all chunks in order, however they arrive", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.uint8Array({ maxLength: 5 }), fc.boolean()), { maxLength: 12 }),
        async (pieces) => {
          const source = new Source();
          const read = chunksOf(source);
          for (const [piece, wait] of pieces) {
            source.write(piece);
            if (wait) await settled();
          }
          source.end();
          const expected = Buffer.concat(pieces.map(([piece]) => piece));
          expect(Buffer.concat(await read).equals(expected)).toBe(true);
        },
      ),
    );
  });
});
