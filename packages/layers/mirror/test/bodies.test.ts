import { bodyOf, HttpHeaders, httpResponse, ReplayBody } from "@pagoda/http";
import { settled } from "@pagoda/core/testing";
import { right } from "@pagoda/core";
import { describe, expect, test } from "vitest";
import type { MirrorOptions } from "@pagoda/mirror";
import { bench, post, shadowThat, Sink, Source } from "./bench.ts";

/** A call with a body that has reached inner unread. */
async function called(body: ConstructorParameters<typeof ReplayBody>[0], options?: Partial<MirrorOptions>) {
  const all = bench(options);
  void all.layered.call(post(body));
  const { request } = await all.real.next();
  return { ...all, body: request.body };
}

describe("a request body", () => {
  test("is copied as it passes and sent once it has passed completely", async () => {
    const source = new Source();
    const { body, shadow, state } = await called(source);
    const sink = Sink.on(body);
    source.give("hel", "lo");
    await shadow.expectNoCall();
    expect(sink.pieces).toEqual(["hel", "lo"]);
    expect(state()["bytes"]).toBeGreaterThanOrEqual(5);
    source.all();
    const { request } = await shadow.next();
    expect(request.body.length).toBe(5);
    expect(await request.body.text()).toEqual(right("hello"));
    expect(await request.body.text()).toEqual(right("hello"));
    expect(sink.ended).toBe(HttpHeaders.empty);
  });

  test("is copied with its trailers", async () => {
    const source = new Source();
    const { body, shadow } = await called(source);
    const trailers = HttpHeaders.of({ "x-sum": "1" });
    source.give("a");
    source.all(trailers);
    const sink = Sink.on(body);
    const { request } = await shadow.next();
    expect([request.body.length, request.body.take()]).toEqual([undefined, undefined]);
    const copied = Sink.on(request.body);
    expect([sink.ended, copied.ended, copied.pieces]).toEqual([trailers, trailers, ["a"]]);
  });

  test.each([bodyOf("hello"), bodyOf(Buffer.from("hello"))])(
    "available at once is copied when taken",
    async (source) => {
      const { body, shadow } = await called(source);
      await shadow.expectNoCall();
      expect(Buffer.from(body.take() as Uint8Array).toString()).toBe("hello");
      expect(await (await shadow.next()).request.body.text()).toEqual(right("hello"));
      expect(Buffer.from(body.take() as Uint8Array).toString()).toBe("hello");
      await shadow.expectNoCall();
    },
  );

  test("of unknown length without bytes is copied", async () => {
    const source = new Source();
    const { body, shadow } = await called(source, { maxBytes: 0, maxTotalBytes: 0 });
    Sink.on(body);
    source.all();
    expect((await shadow.next()).request.body.length).toBe(0);
  });

  test("is copied byte by byte: a reader that modifies a chunk does not affect the copy", async () => {
    const source = new Source();
    const { body, shadow } = await called(source);
    body.pipe({ write: (chunk) => chunk.fill(120).length > 0, end() {}, fail() {} });
    source.give("hel", "lo");
    source.all();
    expect(await (await shadow.next()).request.body.text()).toEqual(right("hello"));
  });

  test("reaches its reader before the shadow is called", async () => {
    const order: string[] = [];
    const to = shadowThat(async () => {
      order.push("shadow");
      return right(httpResponse(200));
    });
    const source = new Source();
    const { body } = await called(source, { to });
    body.pipe({ write: () => true, end: () => order.push("read"), fail() {} });
    source.all();
    order.push("after that");
    await settled();
    expect(order).toEqual(["read", "after that", "shadow"]);
  });

  test("is slowed down by its reader only", async () => {
    const source = new Source();
    const { body, shadow } = await called(source);
    const sink = Sink.on(body);
    sink.accepts = false;
    expect(source.give("a")).toBe(false);
    expect(source.give("b")).toBe(false);
    expect(sink.pieces).toEqual(["a"]);
    sink.accepts = true;
    sink.flow?.resume();
    expect([sink.pieces, source.events]).toEqual([["a", "b"], ["go on"]]);
    source.all();
    expect(await (await shadow.next()).request.body.text()).toEqual(right("ab"));
  });

  test("notifies its observers like its source", async () => {
    const source = new Source(1);
    const { body } = await called(source);
    const events: boolean[] = [];
    body.observe((complete) => events.push(complete));
    expect(body.length).toBe(1);
    Sink.on(body);
    source.give("a");
    expect(events).toEqual([]);
    source.all();
    expect(events).toEqual([true]);
  });
});

describe("a request body is not mirrored", () => {
  test("when it is not read", async () => {
    const source = new Source();
    const { body, shadow, skipped } = await called(source);
    source.give("a");
    body.cancel("unwanted");
    await shadow.expectNoCall();
    expect(source.events).toEqual(["stop unwanted"]);
    expect(skipped()).toEqual({ incomplete: 1 });
  });

  test("when its reader stops halfway", async () => {
    const source = new Source();
    const { body, shadow, skipped, state } = await called(source);
    const sink = Sink.on(body);
    source.give("a");
    sink.flow?.cancel("enough");
    await shadow.expectNoCall();
    expect(source.events).toEqual(["stop enough"]);
    expect([skipped(), state()["bytes"]]).toEqual([{ incomplete: 1 }, 0]);
  });

  test("when it breaks off", async () => {
    const source = new Source();
    const { body, shadow, skipped, state } = await called(source);
    const sink = Sink.on(body);
    source.give("a");
    source.break();
    await shadow.expectNoCall();
    expect(sink.ended).toMatchObject({ _tag: "BodyBroken" });
    expect([skipped(), state()["bytes"]]).toEqual([{ incomplete: 1 }, 0]);
  });

  test("when its declared length is too long; it then passes untouched", async () => {
    const source = new Source(6);
    const { body, skipped, events } = await called(source, { maxBytes: 5 });
    expect(body).toBe(source);
    expect([skipped(), events]).toEqual([{ "too-long": 1 }, [["skipped", "too-long"]]]);
    expect((await called(new Source(5), { maxBytes: 5 })).skipped()).toEqual({});
  });

  test("when it turns out too long; the rest passes", async () => {
    const source = new Source();
    const { body, shadow, skipped, state } = await called(source, { maxBytes: 5 });
    const sink = Sink.on(body);
    source.give("hel", "lo");
    expect(skipped()).toEqual({});
    source.give("!");
    expect([skipped(), state()["bytes"]]).toEqual([{ "too-long": 1 }, 0]);
    source.give("!", "!");
    expect(state()["bytes"]).toBe(0);
    source.all();
    await shadow.expectNoCall();
    expect(sink.pieces.join("")).toBe("hello!!!");
    expect(skipped()).toEqual({ "too-long": 1 });
  });

  test("and counts only the first reason", async () => {
    const source = new Source();
    const { body, skipped } = await called(source, { maxBytes: 5 });
    Sink.on(body);
    source.give("hello!");
    source.break();
    expect(skipped()).toEqual({ "too-long": 1 });
  });

  test("when the shadow is not ready; the copy is dropped", async () => {
    const source = new Source();
    const { body, shadow, skipped, state } = await called(source);
    Sink.on(body);
    shadow.admit(0);
    source.give("hello");
    source.all();
    await shadow.expectNoCall();
    expect([skipped(), state()["bytes"]]).toEqual([{ "not-ready": 1 }, 0]);
  });

  test("when it is taken at once and too long", async () => {
    const source = new Source();
    source.give("hello!");
    const { body, shadow, skipped } = await called(source.all(), { maxBytes: 5 });
    expect(body.take()?.length).toBe(6);
    await shadow.expectNoCall();
    expect(skipped()).toEqual({ "too-long": 1 });
  });

  test("while all copies together exceed the limit", async () => {
    const options = { maxBytes: 10, maxTotalBytes: 15 };
    const { layered, real, shadow, skipped, state } = bench(options);
    const sources = [new Source(), new Source(), new Source()] as const;
    for (const source of sources) {
      void layered.call(post(source));
      Sink.on((await real.next()).request.body);
    }
    sources[0].give("0123456789");
    sources[1].give("0123456789");
    expect([skipped(), state()["bytes"]]).toEqual([{ bytes: 1 }, 10]);
    sources[0].all();
    (await shadow.next()).fail({ _tag: "Down", origin: "upstream", retryable: true });
    await settled();
    expect(state()["bytes"]).toBe(0);
    sources[2].give("0123456789");
    sources[2].all();
    expect(await (await shadow.next()).request.body.text()).toEqual(right("0123456789"));
  });

  test("a copy takes memory for its bytes, not for its declared length", async () => {
    const source = new Source(60_000);
    const { body, state } = await called(source);
    Sink.on(body);
    for (let n = 0; n < 100; n++) source.give("a");
    expect(state()["bytes"]).toBeLessThanOrEqual(200);
  });

  test("a copy takes no more memory than its declared length", async () => {
    const source = new Source(5);
    const { body, state } = await called(source);
    Sink.on(body);
    source.give("a", "b", "c", "d", "e");
    expect(state()["bytes"]).toBe(5);
  });
});

describe("a request body that is read again", () => {
  test("is copied from its first byte, once", async () => {
    const source = new Source();
    const { body, shadow, skipped } = await called(new ReplayBody(source));
    const first = Sink.on(body);
    source.give("hel");
    first.flow?.cancel();
    const second = Sink.on(body);
    source.give("lo");
    source.all();
    expect(second.pieces.join("")).toBe("hello");
    expect(await (await shadow.next()).request.body.text()).toEqual(right("hello"));
    expect(Sink.on(body).pieces.join("")).toBe("hello");
    await shadow.expectNoCall();
    expect(skipped()).toEqual({});
  });

  test("before the first reading is given up is copied from the second", async () => {
    const source = new Source();
    const { body, shadow } = await called(new ReplayBody(source));
    const first = Sink.on(body);
    source.give("hel");
    const second = Sink.on(body);
    first.flow?.cancel();
    source.give("lo");
    source.all();
    expect(second.pieces.join("")).toBe("hello");
    expect(await (await shadow.next()).request.body.text()).toEqual(right("hello"));
  });

  test("and finally given up leaves nothing", async () => {
    const source = new Source();
    const replayed = new ReplayBody(source);
    const { body, shadow, skipped, state } = await called(replayed);
    const first = Sink.on(body);
    source.give("hel");
    expect(state()["bytes"]).toBe(3);
    first.flow?.cancel();
    expect([skipped(), state()["bytes"]]).toEqual([{}, 0]);
    replayed.release();
    await shadow.expectNoCall();
    expect([skipped(), state()["bytes"]]).toEqual([{ incomplete: 1 }, 0]);
  });
});
