import { once } from "node:events";
import { Transform, type TransformCallback } from "node:stream";
import { settled } from "@pagoda/core/testing";
import { left, right } from "@pagoda/core";
import { type Body, bodyBroken, bodyFrom, bodyOf, emptyBody, HttpHeaders, TransformBody } from "@pagoda/http";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { observed, Sink, Source } from "./bodies.ts";

/** Gives each chunk in upper case, once the test lets it. */
class Upper extends Transform {
  readonly chunks: string[] = [];
  #go: (() => void)[] = [];
  readonly isManual: boolean;

  constructor(isManual: boolean) {
    super();
    this.isManual = isManual;
  }

  override _transform(chunk: Buffer, _: string, callback: TransformCallback): void {
    const text = chunk.toString();
    this.chunks.push(text);
    const go = (): void =>
      text === "bad" ? callback(new Error("not in upper case")) : callback(null, text.toUpperCase());
    if (this.isManual) this.#go.push(go);
    else go();
  }

  override _flush(callback: TransformCallback): void {
    callback(null, "!");
  }

  go(): void {
    this.#go.shift()?.();
  }
}

class Upped extends TransformBody {
  readonly events: string[] = [];
  stream: Upper | undefined;
  readonly #isManual: boolean;
  limit = Infinity;
  opens: "always" | "never" | "throws" = "always";

  constructor(source: Body, isManual = false) {
    super(source);
    this.#isManual = isManual;
  }

  protected openStream(first: Uint8Array): Transform | undefined {
    this.events.push(`open ${Buffer.from(first).toString()}`);
    if (this.opens === "throws") throw new Error("cannot open");
    if (this.opens === "never") return undefined;
    this.stream = new Upper(this.#isManual);
    return this.stream;
  }

  protected override idle(): void {
    this.events.push("idle");
  }

  protected override given(bytes: number) {
    this.limit -= bytes;
    return this.limit < 0 ? bodyBroken("too long") : undefined;
  }
}

describe("TransformBody", () => {
  test("passes bytes through the stream, and trailers", async () => {
    const source = new Source();
    const body = new Upped(source);
    const sink = Sink.on(body);
    source.write("ab", "", "c");
    const trailers = HttpHeaders.of({ "x-sum": "1" });
    source.end(trailers);
    await once(body.stream as Upper, "end");
    expect([sink.text, sink.ends, sink.trailers]).toEqual(["ABC!", ["end"], trailers]);
    expect([body.length, body.stream?.destroyed]).toEqual([undefined, true]);
  });

  test.each([
    ["a body that can be read again", bodyOf("ab"), "AB!"],
    ["a Node stream", bodyFrom(["a", "b"]), "AB!"],
    ["no body", emptyBody, "!"],
  ])("takes %s", async (_, source, expected) => {
    expect(await new Upped(source).text()).toEqual(right(expected));
  });

  test("an empty source needs no stream", async () => {
    const body = new Upped(bodyFrom([]));
    body.opens = "never";
    expect(await body.text()).toEqual(right(""));
    expect(body.events).toEqual(["open "]);
  });

  test("neither reads nor opens anything before it is read", () => {
    const source = new Source();
    source.write("a");
    const body = new Upped(source);
    expect([body.canRead, body.events, source.calls]).toEqual([true, [], []]);
    Sink.on(body);
    expect([body.canRead, body.events, source.calls]).toEqual([false, ["open a"], ["start"]]);
  });

  test("cannot be read after its source was", async () => {
    const source = bodyFrom(["a"]);
    const body = new Upped(source);
    await source.text();
    expect(body.canRead).toBe(false);
  });

  test("the stream gets one chunk at a time, and the source pauses meanwhile", async () => {
    const source = new Source();
    const body = new Upped(source, true);
    const sink = Sink.on(body);
    expect(source.write("a")).toBe(false);
    source.write("b", "x".repeat(65_536));
    expect(source.write("c")).toBe(false);
    expect(body.stream?.chunks).toEqual(["a"]);
    for (let n = 0; n < 4; n++) {
      body.stream?.go();
      await settled();
    }
    expect(sink.text).toHaveLength(65_539);
    expect(source.calls).toEqual(["start", "go on"]);
  });

  test("is idle when the stream has taken all that has arrived, and more may come", async () => {
    const source = new Source();
    const body = new Upped(source, true);
    Sink.on(body);
    source.write("a", "b");
    body.stream?.go();
    await settled();
    expect(body.events).toEqual(["open a"]);
    body.stream?.go();
    await settled();
    expect(body.events).toEqual(["open a", "idle"]);
    source.write("c");
    source.end();
    body.stream?.go();
    await once(body.stream as Upper, "end");
    expect(body.events).toEqual(["open a", "idle"]);
  });

  test("a paused reader pauses the stream, and that the source", async () => {
    const source = new Source();
    const body = new Upped(source);
    const sink = Sink.on(body, () => false);
    for (let n = 0; n < 100; n++) {
      source.write("x".repeat(65_536));
      await settled();
    }
    expect(sink.chunks).toHaveLength(1);
    expect(body.stream?.chunks.length).toBeLessThan(10);
    source.end();
    sink.onWrite = () => true;
    sink.flow?.resume();
    await once(body.stream as Upper, "end");
    expect([sink.text.length, sink.ends]).toEqual([100 * 65_536 + 1, ["end"]]);
  });

  test("cancelling stops the source and destroys the stream", async () => {
    const source = new Source();
    const body = new Upped(source, true);
    const ended = observed(body);
    const sink = Sink.on(body);
    source.write("a");
    sink.flow?.cancel("enough");
    expect(source.calls).toEqual(["start", "stop enough"]);
    expect([body.stream?.destroyed, ended]).toEqual([true, [false]]);
    body.stream?.go();
    await settled();
    expect([sink.chunks, sink.ends]).toEqual([[], []]);
  });

  test("cancelling before it is read stops the source", () => {
    const source = new Source();
    new Upped(source).cancel("unread");
    expect(source.calls).toEqual(["stop unread"]);
  });

  test("a source that breaks off breaks it with the same fault", async () => {
    const source = new Source();
    const body = new Upped(source, true);
    const sink = Sink.on(body);
    source.write("a");
    source.break("cause");
    expect([sink.fault, sink.ends]).toEqual([bodyBroken("cause"), ["fail"]]);
    expect(body.stream?.destroyed).toBe(true);
    body.stream?.go();
    await settled();
    expect([sink.chunks, sink.ends]).toEqual([[], ["fail"]]);
  });

  test("a stream that fails breaks it and stops the source", async () => {
    const source = new Source();
    const body = new Upped(source);
    const sink = Sink.on(body);
    source.write("a", "bad", "b");
    await new Promise((resolve) => body.stream?.on("close", resolve));
    expect(sink.fault).toMatchObject({ _tag: "BodyBroken", cause: new Error("not in upper case") });
    expect(source.calls.at(-1)).toMatch(/^stop/);
    expect([sink.text, sink.ends]).toEqual(["A", ["fail"]]);
  });

  test("a stream that cannot be opened breaks it and stops the source", async () => {
    for (const early of [true, false]) {
      const source = new Source();
      const body = new Upped(source);
      body.opens = "throws";
      if (early) source.write("a");
      const sink = Sink.on(body);
      if (!early) source.write("a");
      expect(sink.fault?.cause).toEqual(new Error("cannot open"));
      expect(source.calls.some((call) => call.startsWith("stop"))).toBe(true);
    }
  });

  test("given can break it off", async () => {
    const body = new Upped(bodyFrom(["abc", "def"]));
    body.limit = 4;
    expect(await body.text()).toEqual(left(bodyBroken("too long")));
    expect(body.stream?.destroyed).toBe(true);
  });

  describe("a stream that ends by itself", () => {
    /** Ends after `;`, without taking the rest of the chunk, as decompressors do. */
    class Sentences extends TransformBody {
      readonly isRepeated: boolean;
      #taken = 0;
      readonly streams: Transform[] = [];

      constructor(source: Body, isRepeated: boolean) {
        super(source);
        this.isRepeated = isRepeated;
      }

      protected openStream(): Transform {
        this.#taken = 0;
        const stream: Transform = new Transform({
          transform: (chunk: Buffer, _, callback) => {
            const end = chunk.indexOf(";") + 1;
            this.#taken += end === 0 ? chunk.length : end;
            stream.push(end === 0 ? chunk : chunk.subarray(0, end));
            if (end === 0 || end === chunk.length) callback();
            else stream.push(null);
          },
        });
        this.streams.push(stream);
        return stream;
      }

      protected override restOf(chunk: Uint8Array, offset: number): Uint8Array | undefined {
        return this.isRepeated ? chunk.subarray(this.#taken - offset) : undefined;
      }
    }

    test.each([
      [["ab;c;d", "e;f"], "ab;c;de;f"],
      [["a", "b;c", ";"], "ab;c;"],
      [["a;b"], "a;b"],
    ])("is followed by another one for the rest: %j", async (chunks, expected) => {
      const body = new Sentences(bodyFrom(chunks), true);
      expect(await body.text()).toEqual(right(expected));
      expect(body.streams.every((stream) => stream.destroyed)).toBe(true);
    });

    test("ends the content, but not the source", async () => {
      const source = new Source();
      const body = new Sentences(source, false);
      const sink = Sink.on(body);
      source.write("a;b");
      await new Promise((resolve) => body.streams[0]?.on("close", resolve));
      expect([sink.text, sink.ends]).toEqual(["a;", []]);
      expect(source.write("c;d")).toBe(true);
      const trailers = HttpHeaders.of({ "x-sum": "1" });
      source.end(trailers);
      expect([sink.text, sink.ends, sink.trailers]).toEqual(["a;", ["end"], trailers]);
    });

    test("ends the content when the source has ended before", async () => {
      const body = new Sentences(bodyOf("a;b"), false);
      expect(await body.text()).toEqual(right("a;"));
    });
  });

  test("property: gives everything, whatever the chunks and the pauses of its reader", async () => {
    const pieces = fc.array(fc.string({ unit: "grapheme-ascii", maxLength: 40 }), { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(pieces, fc.infiniteStream(fc.boolean()), async (given, pauses) => {
        const source = new Source();
        const body = new Upped(source);
        const sink = Sink.on(body, () => pauses.next().value as boolean);
        const fine = given.filter((piece) => piece !== "bad");
        for (const piece of fine) {
          source.write(piece);
          if (pauses.next().value as boolean) await settled();
          if (pauses.next().value as boolean) sink.flow?.resume();
        }
        source.end();
        while (sink.ends.length === 0) {
          await settled();
          sink.flow?.resume();
        }
        expect([sink.text, sink.ends]).toEqual([`${fine.join("").toUpperCase()}!`, ["end"]]);
      }),
    );
  });
});
