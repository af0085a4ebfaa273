import { HttpHeaders } from "@pagoda/http";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { observed, Sink, Source } from "./bodies.ts";

const full = new Uint8Array(65_536);

describe("PushBody", () => {
  test("passes pieces straight to its sink, then the end with its trailers", () => {
    const source = new Source();
    const sink = Sink.on(source);
    expect(source.told).toEqual(["start"]);
    expect(source.give("a", "b")).toBe(true);
    expect(sink.text).toBe("ab");
    const trailers = HttpHeaders.of({ sum: "1" });
    source.end(trailers);
    expect(sink.ends).toEqual(["end"]);
    expect(sink.trailers).toBe(trailers);
  });

  test("keeps what comes before there is a sink, and asks the source to pause at 64 KiB", () => {
    const source = new Source();
    expect(source.give("a", full.subarray(2))).toBe(true);
    expect(source.give("b")).toBe(false);
    const sink = Sink.on(source);
    expect(sink.chunks.map((chunk) => chunk.length)).toEqual([1, 65_534, 1]);
    expect(source.told).toEqual(["start", "go on"]);
  });

  test("a sink that answered false gets no more until it resumes; the source is told to pause and to go on", () => {
    const source = new Source();
    const sink = Sink.on(source, () => false);
    expect(source.give("a")).toBe(false);
    expect(source.give("b")).toBe(false);
    source.end();
    expect(sink.text).toBe("a");
    sink.flow?.resume();
    expect(sink.text).toBe("ab");
    expect(sink.ends).toEqual([]);
    sink.flow?.resume();
    expect(sink.ends).toEqual(["end"]);
    expect(source.told).toEqual(["start"]);
  });

  test("tells the source to go on once all that was kept has passed", () => {
    const source = new Source();
    const sink = Sink.on(source, (pieces) => pieces > 1);
    source.give("a", "b", "c");
    expect(source.told).toEqual(["start"]);
    sink.flow?.resume();
    expect(source.told).toEqual(["start", "go on"]);
    expect(source.give("d")).toBe(true);
    expect(sink.text).toBe("abcd");
  });

  test("tells its watchers when it waits for its source, and when its reader is who is slow", () => {
    const source = new Source();
    const told: boolean[] = [];
    source.watch((waits) => told.push(waits));
    let room = true;
    const sink = Sink.on(source, () => room);
    expect(told.splice(0)).toEqual([true]);
    source.give("a");
    expect(told.splice(0)).toEqual([]);
    room = false;
    source.give("b");
    expect(told.splice(0)).toEqual([false]);
    source.give("c");
    sink.flow?.resume();
    // It has taken one, and takes a break again.
    expect(told.splice(0)).toEqual([true, false]);
    room = true;
    sink.flow?.resume();
    expect(told.splice(0)).toEqual([true]);
    source.end();
    expect(told.splice(0)).toEqual([false]);
  });

  test("unread and cancelled bodies do not wait for their source", () => {
    const source = new Source();
    const told: boolean[] = [];
    source.watch((waits) => told.push(waits));
    source.give("a");
    expect(told).toEqual([]);
    const sink = Sink.on(source);
    source.watch((waits) => told.push(waits));
    expect(told).toEqual([true, true]);
    sink.flow?.cancel();
    expect(told).toEqual([true, true, false, false]);
  });

  test("resume without a break does nothing", () => {
    const source = new Source();
    const sink = Sink.on(source);
    sink.flow?.resume();
    expect(source.told).toEqual(["start"]);
  });

  test("resume inside write comes before the answer, and does not re-enter the sink", () => {
    const source = new Source();
    let depth = 0;
    const sink: Sink = Sink.on(source, (pieces) => {
      depth++;
      expect(depth).toBe(1);
      sink.flow?.resume();
      depth--;
      return pieces > 1;
    });
    expect(source.give("a")).toBe(false);
    source.give("b", "c");
    expect(sink.text).toBe("a");
    sink.flow?.resume();
    expect(sink.text).toBe("abc");
  });

  test("a source that breaks fails its sink when that has what came before, and never ends it", () => {
    const source = new Source();
    const sink = Sink.on(source, () => false);
    const observers = observed(source);
    source.give("a", "b");
    source.break(new Error("reset"));
    source.end();
    source.give("c");
    // Who counts need not wait for a slow reader.
    expect(observers).toEqual([false]);
    expect([sink.text, sink.ends]).toEqual(["a", []]);
    sink.flow?.resume();
    expect(sink.text).toBe("ab");
    expect(sink.ends).toEqual(["fail"]);
    expect(sink.fault).toMatchObject({ _tag: "BodyBroken", cause: new Error("reset") });
    expect(observers).toEqual([false]);
  });

  test("a source that breaks fails a sink at once that takes a break and has it all", () => {
    const source = new Source();
    const sink = Sink.on(source, () => false);
    source.give("a");
    source.break();
    expect([sink.text, sink.ends]).toEqual(["a", ["fail"]]);
  });

  test("defect: chunks before a break were lost to a later reader", () => {
    const source = new Source();
    source.give("a");
    source.break();
    const sink = Sink.on(source);
    expect(sink.ends).toEqual(["fail"]);
    expect(sink.text).toBe("a");
  });

  test("says how it ended: with its trailers, by its fault, or cancelled", () => {
    const ends: unknown[] = [];
    const [whole, broken, cancelled] = [new Source(), new Source(), new Source()];
    for (const body of [whole, broken, cancelled]) body.observe((...end) => ends.push(end));
    const trailers = HttpHeaders.of({ sum: "1" });
    Sink.on(whole);
    whole.end(trailers);
    broken.break("reset");
    cancelled.cancel();
    const fault = { _tag: "BodyBroken", origin: "upstream", retryable: false, cause: "reset" };
    expect(ends).toEqual([
      [true, trailers, undefined],
      [false, undefined, fault],
      [false, undefined, undefined],
    ]);
  });

  test("after cancel nothing comes, and the source is stopped once", () => {
    const source = new Source();
    const sink = Sink.on(source);
    sink.flow?.cancel("enough");
    sink.flow?.cancel("again");
    source.cancel("again");
    expect(source.give("a")).toBe(false);
    source.end();
    source.break();
    expect(sink.chunks).toEqual([]);
    expect(sink.ends).toEqual([]);
    expect(source.told).toEqual(["start", "stop enough"]);
  });

  test("a finished source is not stopped", () => {
    const source = new Source();
    const sink = Sink.on(source, () => false);
    source.give("a", "b");
    source.end();
    sink.flow?.cancel();
    expect(source.told).toEqual(["start"]);
    expect(sink.ends).toEqual([]);
  });

  test("a sink may cancel while it takes a piece", () => {
    const source = new Source();
    source.give("a", "b");
    const sink = Sink.on(source, () => {
      source.cancel("enough");
      return true;
    });
    expect(sink.text).toBe("a");
    expect(source.told).toEqual(["start", "stop enough"]);
    const later = new Source();
    const second: Sink = Sink.on(later, () => {
      second.flow?.cancel("enough");
      return true;
    });
    expect(later.give("a")).toBe(false);
    later.end();
    expect(second.text).toBe("a");
    expect(second.ends).toEqual([]);
  });

  test("is read once", () => {
    const source = new Source();
    Sink.on(source);
    expect(() => source.pipe(new Sink())).toThrow(TypeError);
    const cancelled = new Source();
    cancelled.cancel();
    expect(() => cancelled.pipe(new Sink())).toThrow("the body has already been read");
  });

  test("take gives a body that is here as a whole, once, and none that is not, is read, or has trailers", () => {
    const whole = new Source();
    whole.give("a");
    expect(whole.take()).toBeUndefined();
    whole.give("b");
    whole.end();
    const told = observed(whole);
    expect(String(Buffer.from(whole.take() as Uint8Array))).toBe("ab");
    expect(told).toEqual([true]);
    expect(whole.take()).toBeUndefined();
    const empty = new Source();
    empty.end();
    expect(empty.take()).toHaveLength(0);
    const trailing = new Source();
    trailing.end(HttpHeaders.of({ sum: "1" }));
    expect(trailing.take()).toBeUndefined();
    const read = new Source();
    Sink.on(read);
    read.end();
    expect(read.take()).toBeUndefined();
  });

  test("observers are called once, at once if the body has ended", () => {
    const complete = new Source();
    const first = observed(complete);
    Sink.on(complete, () => false);
    complete.give("a");
    complete.end();
    expect(first).toEqual([]);
    complete.cancel();
    expect(first).toEqual([false]);
    expect(observed(complete)).toEqual([false]);

    const ended = new Source();
    const second = observed(ended);
    Sink.on(ended);
    ended.end();
    ended.cancel();
    expect(second).toEqual([true]);

    const broken = new Source();
    const third = observed(broken);
    Sink.on(broken);
    broken.break();
    expect(third).toEqual([false]);
  });
});

describe("PushBody, defects found", () => {
  test("a stopped source is not resumed when its sink resumes", () => {
    const source = new Source();
    const sink = Sink.on(source, () => false);
    source.give("a");
    sink.flow?.cancel();
    sink.flow?.resume();
    expect(source.told).toEqual(["start", "stop undefined"]);
  });

  test("what a source gives as it starts comes after what was kept", () => {
    const source = new Source();
    source.give("a", "b");
    source.onStart = () => source.give("c");
    expect(Sink.on(source).text).toBe("abc");
  });

  test("what a source pushes while its sink handles a chunk is queued", () => {
    const source = new Source();
    const meanwhile: unknown[] = [];
    const sink: Sink = Sink.on(source, (pieces) => {
      if (pieces > 1) return true;
      source.give("b", "c");
      source.end();
      meanwhile.push(sink.text, ...sink.ends);
      return true;
    });
    source.give("a");
    expect(meanwhile).toEqual(["a"]);
    expect(sink.text).toBe("abc");
    expect(sink.ends).toEqual(["end"]);
  });

  test("a source that breaks while its sink takes a piece gives what had come before", () => {
    const source = new Source();
    source.give("a", "b");
    const sink = Sink.on(source, () => {
      source.break();
      return true;
    });
    expect(sink.text).toBe("ab");
    expect(sink.ends).toEqual(["fail"]);
  });
});

type Step = number | "resume" | "pipe" | "end" | "break" | "cancel";

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.oneof(fc.nat(4), fc.constant(40_000)) },
  { weight: 4, arbitrary: fc.constantFrom("resume" as const, "pipe" as const) },
  { weight: 1, arbitrary: fc.constantFrom("end" as const, "break" as const, "cancel" as const) },
);

test("PushBody: bytes arrive in order, once, with one end, and nothing after a cancel, whatever happens", () => {
  const takes = fc.array(fc.boolean(), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), takes, (steps, takes) => {
      const source = new Source();
      const sink = new Sink();
      sink.onWrite = (pieces) => takes[pieces % takes.length] as boolean;
      const given: Buffer[] = [];
      let over: Step | undefined;
      let afterCancel: number | undefined;
      for (const step of steps) {
        if (step === "resume") sink.flow?.resume();
        else if (step === "pipe") sink.flow ??= over === "cancel" ? undefined : source.pipe(sink);
        else if (typeof step === "number") {
          const chunk = Buffer.alloc(step, given.length);
          source.give(chunk);
          if (over === undefined) given.push(chunk);
        } else if (over === undefined) {
          over = step;
          if (step === "end") source.end();
          else if (step === "break") source.break();
          else source.cancel();
          if (step === "cancel") afterCancel = sink.chunks.length;
        }
      }
      if (over !== "cancel") sink.flow ??= source.pipe(sink);
      for (const _ of [...steps, 0]) sink.flow?.resume();

      const expected = Buffer.concat(given);
      const got = Buffer.concat(sink.chunks);
      expect(expected.subarray(0, got.length).equals(got)).toBe(true);
      expect(sink.ends).toEqual(over === "end" ? ["end"] : over === "break" ? ["fail"] : []);
      const all = over === "end" || over === undefined;
      expect(got.length).toBe(all ? expected.length : got.length);
      expect(sink.chunks.length).toBe(over === "cancel" ? afterCancel : sink.chunks.length);
      expect(source.told.filter((each) => each.startsWith("stop")).length).toBe(over === "cancel" ? 1 : 0);
    }),
    { numRuns: 300 },
  );
});
