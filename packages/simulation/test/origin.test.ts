import { isFault, left, right } from "@pagoda/core";
import { settled } from "@pagoda/core/testing";
import { httpResponse } from "@pagoda/http";
import { describe, expect, test } from "vitest";
import { type Content, contentOf, Source } from "../src/content.ts";
import { healthy, type Condition, Origin } from "../src/origin.ts";
import { defect, type Request } from "../src/request.ts";
import { trial } from "../src/requests.ts";
import { World } from "../src/world.ts";

const answerTo = (id: number) => right({ ...httpResponse(200), id });

/** An origin with two workers, a queue of one and a latency of 10 ms. */
function bench(condition: Partial<Condition> = {}) {
  const world = new World(1);
  const read: Content[] = [];
  const origin = new Origin(world, {
    key: "a",
    workers: 2,
    queue: 1,
    latency: () => 10,
    onBody: (_request, content) => read.push(content),
  });
  origin.condition = { ...healthy, ...condition };
  let id = 0;
  const request = (): Request => ({ ...trial, id: id++ });
  const call = (signal?: AbortSignal) => origin.service.call(request(), signal);
  return { world, origin, call, request, read };
}

const tagged = (tag: string) => left(expect.objectContaining({ _tag: tag }));

describe("a simulated origin", () => {
  test("processes calls up to its workers, queues some and refuses the rest", async () => {
    const { world, origin, call } = bench();
    const calls = [call(), call(), call(), call()];
    expect(origin.inFlight).toBe(3);
    expect(await calls[3]).toEqual(tagged("Busy"));
    await world.clock.advance(10);
    expect([await calls[0], await calls[1], origin.inFlight]).toEqual([answerTo(0), answerTo(1), 1]);
    await world.clock.advance(10);
    expect(await calls[2]).toEqual(answerTo(2));
    expect([origin.inFlight, world.clock.pending]).toEqual([0, 0]);
  });

  test("an abort frees its worker or place in the queue", async () => {
    const { world, origin, call } = bench();
    const [first, third] = [new AbortController(), new AbortController()];
    const calls = [call(first.signal), call(), call(third.signal)];
    third.abort();
    expect([await calls[2], origin.inFlight]).toEqual([tagged("Aborted"), 2]);
    const fourth = call();
    first.abort();
    expect(await calls[0]).toEqual(tagged("Aborted"));
    await world.clock.advance(10);
    expect([await calls[1], await fourth]).toEqual([answerTo(1), answerTo(3)]);
    expect(world.clock.pending).toBe(0);
  });

  test("fails calls in flight when it restarts and refuses calls while it is down", async () => {
    const { origin, call } = bench();
    const calls = [call(), call(), call()];
    origin.restart();
    for (const each of calls) expect(await each).toEqual(tagged("Down"));
    origin.condition = { ...healthy, down: true };
    expect(await call()).toEqual(tagged("Down"));
    expect(origin.inFlight).toBe(0);
  });

  test("fails, hangs, slows down and throws according to its condition", async () => {
    const failing = bench({ failing: 1 });
    const failed = failing.call();
    await failing.world.clock.advance(10);
    expect(await failed).toEqual(tagged("Failed"));

    const hanging = bench({ hanging: 1 });
    const controller = new AbortController();
    const hung = hanging.call(controller.signal);
    await hanging.world.clock.advance(1e6);
    expect(hanging.origin.inFlight).toBe(1);
    controller.abort();
    expect(await hung).toEqual(tagged("Aborted"));

    const slow = bench({ slowness: 3 });
    void slow.call();
    await slow.world.clock.advance(29);
    expect(slow.origin.inFlight).toBe(1);
    await slow.world.clock.advance(1);
    expect(slow.origin.inFlight).toBe(0);

    const defective = bench({ defective: 1 });
    const rejected = defective.call().catch((reason: unknown) => reason);
    await defective.world.clock.advance(10);
    expect(await rejected).toBe(defect);
    expect(() => bench({ throwing: 1 }).call()).toThrow(defect);
  });

  test("reads the body to its end before it answers, or reports that it broke", async () => {
    const { world, origin, request, read } = bench();
    const pieces = [new Uint8Array([1, 2]), new Uint8Array(0), new Uint8Array([3])];
    const whole = {
      ...request(),
      body: new Source(world, () => 0.5, pieces, false),
      content: contentOf(pieces),
    };
    const answer = origin.service.call(whole);
    await world.clock.runAll();
    expect([await answer, read]).toEqual([answerTo(0), [contentOf(pieces)]]);

    const half = {
      ...request(),
      body: new Source(world, () => 0.5, pieces, true),
      content: contentOf(pieces),
    };
    const broken = origin.service.call(half);
    await world.clock.runAll();
    const result = await broken;
    expect(result).toEqual(tagged("BodyLost"));
    expect(result._tag === "Left" && isFault(result.left) && result.left.origin).toBe("local");
    await settled();
    expect(world.clock.pending).toBe(0);
  });
});
