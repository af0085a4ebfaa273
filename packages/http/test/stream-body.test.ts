import { once } from "node:events";
import { Readable } from "node:stream";
import { bodyFrom, bodyOf, type BodySink, emptyBody, StreamBody } from "@pagoda/http";
import { settled } from "@pagoda/core/testing";
import { right } from "@pagoda/core";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { observed, Sink } from "./bodies.ts";

/** A stream that the test pushes to. */
function pushable(): Readable {
  return new Readable({ read() {} });
}

/** Resolves when the sink has ended or failed. */
function ended(sink: BodySink & { readonly ends: readonly string[] }): Promise<void> {
  return new Promise((resolve) => {
    const { end, fail } = sink;
    sink.end = (trailers) => (end.call(sink, trailers), resolve());
    sink.fail = (fault) => (fail.call(sink, fault), resolve());
    if (sink.ends.length > 0) resolve();
  });
}

describe("bodyFrom", () => {
  test("accepts strings, bytes, iterables, generators, web streams and Node streams", async () => {
    async function* generated() {
      yield "a";
      yield Buffer.from("b");
    }
    const web = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(Buffer.from("ab"));
        controller.close();
      },
    });
    for (const source of ["ab", Buffer.from("ab"), ["a", "b"], generated(), web, Readable.from(["a", "b"])]) {
      expect(await bodyFrom(source).text()).toEqual(right("ab"));
    }
    expect(bodyFrom("")).toBe(emptyBody);
    expect(await bodyFrom([]).text()).toEqual(right(""));
    expect(await bodyFrom(["", "a", new Uint8Array(0), "b"]).text()).toEqual(right("ab"));
  });

  test("a generator that throws breaks the body", async () => {
    async function* failing() {
      yield "a";
      throw new Error("no more");
    }
    expect(await bodyFrom(failing()).bytes()).toMatchObject({
      left: { _tag: "BodyBroken", cause: new Error("no more") },
    });
  });

  test("asks an iterable for the next chunk only when there is room", async () => {
    let asked = 0;
    async function* counting() {
      for (;;) {
        asked++;
        yield "a";
      }
    }
    const body = bodyFrom(counting());
    await settled();
    expect(asked).toBe(0);
    const sink = Sink.on(body, () => false);
    await settled();
    expect(asked).toBe(1);
    sink.flow?.resume();
    await settled();
    expect(asked).toBe(2);
    sink.flow?.cancel();
  });

  test("a chunk that is neither text nor bytes breaks the body and ends its source", async () => {
    const returned: unknown[] = [];
    const numbers = {
      [Symbol.asyncIterator]: () => ({
        next: async () => ({ done: false as const, value: 1 }),
        return: async () => ({ done: true as const, value: returned.push("returned") }),
      }),
    };
    expect(await bodyFrom(numbers as unknown as AsyncIterable<string>).bytes()).toMatchObject({
      left: { cause: new TypeError("chunks must be strings or Uint8Arrays (got number)") },
    });
    expect(returned).toEqual(["returned"]);
  });

  test.each([true, false])(
    "cancelling cancels a web stream at once (while a read is pending: %s)",
    (isRead) => {
      const cancelled: unknown[] = [];
      const body = bodyFrom(
        new ReadableStream<Uint8Array>({ cancel: (reason) => void cancelled.push(reason) }),
      );
      if (isRead) Sink.on(body);
      body.cancel("enough");
      expect(cancelled).toEqual(["enough"]);
    },
  );

  test.each([true, false])("a source that cannot be stopped is left alone (read: %s)", async (isRead) => {
    const cancel = (): Promise<void> => Promise.reject(new Error("cannot stop"));
    const body = bodyFrom(new ReadableStream<Uint8Array>({ cancel }));
    const sink = isRead ? Sink.on(body) : undefined;
    body.cancel();
    await settled();
    expect(sink?.ends ?? []).toEqual([]);
  });

  test("leaving the loop ends the generator", async () => {
    let closed = (): void => {};
    const over = new Promise<void>((resolve) => (closed = resolve));
    async function* endless() {
      try {
        for (;;) yield "a";
      } finally {
        closed();
      }
    }
    for await (const _ of bodyFrom(endless())) break;
    await over;
  });
});

describe("StreamBody", () => {
  test("does not touch the stream before it is read", () => {
    const stream = pushable();
    const body = new StreamBody(stream, 3);
    expect(body.length).toBe(3);
    expect(stream.listenerCount("data")).toBe(0);
    expect(stream.readableFlowing).toBe(null);
  });

  test("pauses the stream while its sink is paused", async () => {
    const stream = pushable();
    const sink = Sink.on(new StreamBody(stream), () => false);
    stream.push("a");
    stream.push("b");
    await settled();
    expect(sink.text).toBe("a");
    expect(stream.isPaused()).toBe(true);
    sink.flow?.resume();
    await settled();
    expect(sink.text).toBe("ab");
  });

  test("a stream that is destroyed midway breaks the body and never ends it", async () => {
    for (const error of [undefined, new Error("reset")]) {
      const stream = pushable();
      const body = new StreamBody(stream);
      const calls = observed(body);
      const sink = Sink.on(body);
      stream.push("a");
      await settled();
      stream.destroy(error);
      await ended(sink);
      expect(sink.ends).toEqual(["fail"]);
      expect(sink.fault?.cause).toEqual(error ?? new Error("the stream was closed before its end"));
      expect(calls).toEqual([false]);
    }
  });

  test("cancel destroys the stream and leaves no listener except the one for errors", () => {
    const stream = pushable();
    const sink = Sink.on(new StreamBody(stream));
    sink.flow?.cancel();
    sink.flow?.cancel();
    expect(stream.destroyed).toBe(true);
    for (const event of ["data", "end", "close"]) expect(stream.listenerCount(event)).toBe(0);
    expect(sink.ends).toEqual([]);
  });

  test("cancel before reading destroys the stream, too", () => {
    const stream = pushable();
    new StreamBody(stream).cancel();
    expect(stream.destroyed).toBe(true);
  });

  test("a stream that has already ended is an empty body", async () => {
    const stream = Readable.from([]);
    stream.resume();
    await once(stream, "end");
    expect(Sink.on(new StreamBody(stream)).ends).toEqual(["end"]);
  });

  test("passes trailers on", async () => {
    const stream = Object.assign(pushable(), { rawTrailers: ["Sum", "1", "sum", "2"] });
    const sink = Sink.on(new StreamBody(stream));
    stream.push(null);
    await ended(sink);
    expect(sink.trailers?.raw).toEqual(["Sum", "1", "sum", "2"]);
  });

  test("property: every byte arrives in order, whatever the chunks and pauses", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 30 }), { maxLength: 10 }),
        fc.array(fc.boolean(), { minLength: 1, maxLength: 5 }),
        fc.option(fc.integer({ min: 1, max: 10 }), { nil: undefined }),
        async (pieces, takes, cancelAt) => {
          const sink = new Sink();
          const over = ended(sink);
          const cancelled = new Promise<void>((resolve) => {
            sink.onWrite = (count) => {
              if (count === cancelAt) resolve(sink.flow?.cancel());
              const more = takes[count % takes.length] as boolean;
              if (!more) void settled().then(() => sink.flow?.resume());
              return more;
            };
          });
          sink.flow = bodyFrom(pieces.map((piece) => Buffer.from(piece))).pipe(sink);
          await Promise.race([over, cancelled]);
          await settled();
          const whole = Buffer.concat(pieces);
          const got = Buffer.concat(sink.chunks);
          expect(whole.subarray(0, got.length).equals(got)).toBe(true);
          const stopped = cancelAt !== undefined && sink.chunks.length >= cancelAt;
          expect(sink.chunks.length).toBeLessThanOrEqual(cancelAt ?? Infinity);
          expect(sink.ends).toEqual(stopped ? [] : ["end"]);
          expect(stopped || got.length === whole.length).toBe(true);
        },
      ),
    );
  });
});

describe("StreamBody, defects found", () => {
  test("a stream that had been paused did not flow", async () => {
    const stream = Readable.from(["a"], { objectMode: false });
    stream.pause();
    expect(await bodyFrom(stream).text()).toEqual(right("a"));
  });

  test("a stream that failed before it was read crashed the process", async () => {
    const stream = pushable();
    const body = bodyFrom(stream);
    stream.destroy(new Error("no such file"));
    await settled();
    expect(Sink.on(body).fault?.cause).toEqual(new Error("no such file"));
  });

  test("a stream that failed while being cancelled unread crashed the process", async () => {
    const stream = new Readable({
      read() {},
      destroy: (_error, callback) => callback(new Error("cannot close")),
    });
    new StreamBody(stream).cancel();
    await settled();
    expect(stream.errored).toEqual(new Error("cannot close"));
  });
});

test("bodyOf creates no stream", () => {
  expect(bodyOf("a")).not.toBeInstanceOf(StreamBody);
});
