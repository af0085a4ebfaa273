import { type BodySink, HttpHeaders } from "@pagoda/http";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { observed, Sink, Source } from "./bodies.ts";

const full = new Uint8Array(65_536);

describe("PushBody", () => {
  test("passes chunks straight to its sink, then the end with its trailers", () => {
    const source = new Source();
    const sink = Sink.on(source);
    expect(source.calls).toEqual(["start"]);
    expect(source.write("a", "b")).toBe(true);
    expect(sink.text).toBe("ab");
    const trailers = HttpHeaders.of({ sum: "1" });
    source.end(trailers);
    expect(sink.ends).toEqual(["end"]);
    expect(sink.trailers).toBe(trailers);
  });

  test("buffers chunks until there is a sink and pauses the source at 64 KiB", () => {
    const source = new Source();
    expect(source.write("a", full.subarray(2))).toBe(true);
    expect(source.write("b")).toBe(false);
    const sink = Sink.on(source);
    expect(sink.chunks.map((chunk) => chunk.length)).toEqual([1, 65_534, 1]);
    expect(source.calls).toEqual(["start", "go on"]);
  });

  test("a sink that returned false gets nothing until it resumes, and the source pauses meanwhile", () => {
    const source = new Source();
    const sink = Sink.on(source, () => false);
    expect(source.write("a")).toBe(false);
    expect(source.write("b")).toBe(false);
    source.end();
    expect(sink.text).toBe("a");
    sink.flow?.resume();
    expect(sink.text).toBe("ab");
    expect(sink.ends).toEqual([]);
    sink.flow?.resume();
    expect(sink.ends).toEqual(["end"]);
    expect(source.calls).toEqual(["start"]);
  });

  test("resumes the source once the buffer is empty", () => {
    const source = new Source();
    const sink = Sink.on(source, (count) => count > 1);
    source.write("a", "b", "c");
    expect(source.calls).toEqual(["start"]);
    sink.flow?.resume();
    expect(source.calls).toEqual(["start", "go on"]);
    expect(source.write("d")).toBe(true);
    expect(sink.text).toBe("abcd");
  });

  test("reports to watchers whether it waits for the source or for the sink", () => {
    const source = new Source();
    const calls: boolean[] = [];
    source.watch((waits) => calls.push(waits));
    let room = true;
    const sink = Sink.on(source, () => room);
    expect(calls.splice(0)).toEqual([true]);
    source.write("a");
    expect(calls.splice(0)).toEqual([]);
    room = false;
    source.write("b");
    expect(calls.splice(0)).toEqual([false]);
    source.write("c");
    sink.flow?.resume();
    // The sink took one chunk and paused again.
    expect(calls.splice(0)).toEqual([true, false]);
    room = true;
    sink.flow?.resume();
    expect(calls.splice(0)).toEqual([true]);
    source.end();
    expect(calls.splice(0)).toEqual([false]);
  });

  test("is not waiting for its source before it is read or after it is cancelled", () => {
    const source = new Source();
    const calls: boolean[] = [];
    source.watch((waits) => calls.push(waits));
    source.write("a");
    expect(calls).toEqual([]);
    const sink = Sink.on(source);
    source.watch((waits) => calls.push(waits));
    expect(calls).toEqual([true, true]);
    sink.flow?.cancel();
    expect(calls).toEqual([true, true, false, false]);
  });

  test("resume does nothing unless the sink has paused", () => {
    const source = new Source();
    const sink = Sink.on(source);
    sink.flow?.resume();
    expect(source.calls).toEqual(["start"]);
  });

  test("resume inside write does not re-enter the sink, and a later false still pauses", () => {
    const source = new Source();
    let depth = 0;
    const sink: Sink = Sink.on(source, (count) => {
      depth++;
      expect(depth).toBe(1);
      sink.flow?.resume();
      depth--;
      return count > 1;
    });
    expect(source.write("a")).toBe(false);
    source.write("b", "c");
    expect(sink.text).toBe("a");
    sink.flow?.resume();
    expect(sink.text).toBe("abc");
  });

  test("a source that breaks fails its sink after the buffered chunks and never ends it", () => {
    const source = new Source();
    const sink = Sink.on(source, () => false);
    const observers = observed(source);
    source.write("a", "b");
    source.break(new Error("reset"));
    source.end();
    source.write("c");
    // Observers do not wait for a slow sink.
    expect(observers).toEqual([false]);
    expect([sink.text, sink.ends]).toEqual(["a", []]);
    sink.flow?.resume();
    expect(sink.text).toBe("ab");
    expect(sink.ends).toEqual(["fail"]);
    expect(sink.fault).toMatchObject({ _tag: "BodyBroken", cause: new Error("reset") });
    expect(observers).toEqual([false]);
  });

  test("a source that breaks fails a paused sink at once if nothing is buffered", () => {
    const source = new Source();
    const sink = Sink.on(source, () => false);
    source.write("a");
    source.break();
    expect([sink.text, sink.ends]).toEqual(["a", ["fail"]]);
  });

  test("defect: chunks before a break were lost to a later reader", () => {
    const source = new Source();
    source.write("a");
    source.break();
    const sink = Sink.on(source);
    expect(sink.ends).toEqual(["fail"]);
    expect(sink.text).toBe("a");
  });

  test("reports to observers whether it ended, with trailers, broke, with the fault, or was cancelled", () => {
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

  test("cancel stops the source once and discards what follows", () => {
    const source = new Source();
    const sink = Sink.on(source);
    sink.flow?.cancel("enough");
    sink.flow?.cancel("again");
    source.cancel("again");
    expect(source.write("a")).toBe(false);
    source.end();
    source.break();
    expect(sink.chunks).toEqual([]);
    expect(sink.ends).toEqual([]);
    expect(source.calls).toEqual(["start", "stop enough"]);
  });

  test("cancel does not stop a source that has finished", () => {
    const source = new Source();
    const sink = Sink.on(source, () => false);
    source.write("a", "b");
    source.end();
    sink.flow?.cancel();
    expect(source.calls).toEqual(["start"]);
    expect(sink.ends).toEqual([]);
  });

  test("a sink may cancel during write", () => {
    const source = new Source();
    source.write("a", "b");
    const sink = Sink.on(source, () => {
      source.cancel("enough");
      return true;
    });
    expect(sink.text).toBe("a");
    expect(source.calls).toEqual(["start", "stop enough"]);
    const later = new Source();
    const second: Sink = Sink.on(later, () => {
      second.flow?.cancel("enough");
      return true;
    });
    expect(later.write("a")).toBe(false);
    later.end();
    expect(second.text).toBe("a");
    expect(second.ends).toEqual([]);
  });

  test("can be read only once", () => {
    const source = new Source();
    Sink.on(source);
    expect(() => source.pipe(new Sink())).toThrow(TypeError);
    const cancelled = new Source();
    cancelled.cancel();
    expect(() => cancelled.pipe(new Sink())).toThrow("the body has already been read");
  });

  test("take returns a complete body once, and undefined if it is incomplete, read or has trailers", () => {
    const whole = new Source();
    whole.write("a");
    expect(whole.take()).toBeUndefined();
    whole.write("b");
    whole.end();
    const calls = observed(whole);
    expect(String(Buffer.from(whole.take() as Uint8Array))).toBe("ab");
    expect(calls).toEqual([true]);
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

  test("observers are called once, immediately if the body has ended", () => {
    const complete = new Source();
    const first = observed(complete);
    Sink.on(complete, () => false);
    complete.write("a");
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

describe("PushBody, a chunk that is lent", () => {
  const chunk = Buffer.from("lent");

  test("is kept before there is a sink, while the sink pauses, and by a sink that cannot borrow", () => {
    const source = new Source();
    expect(source.lend(chunk)).toBe(true);
    const sink = Sink.on(source, (count) => count < 2);
    expect(source.lend(chunk)).toBe(true);
    expect(source.lend(chunk)).toBe(true);
    sink.flow?.resume();
    expect(sink.text).toBe("lentlentlent");
  });

  test("is kept only if a sink that can borrow keeps it", () => {
    const source = new Source();
    let keeps = false;
    const borrowed: string[] = [];
    const sink: BodySink = {
      write: () => expect.fail("was not lent"),
      writeLent(lent, loan) {
        borrowed.push(String(lent));
        if (keeps) loan.keep();
        return keeps;
      },
      end() {},
      fail() {},
    };
    const flow = source.pipe(sink);
    keeps = true;
    expect(source.lend(chunk)).toBe(true);
    flow.resume();
    keeps = false;
    expect(source.lend(chunk)).toBe(false);
    // The sink has paused, so this chunk waits and is the body's own.
    expect(source.lend(chunk)).toBe(true);
    expect(borrowed).toEqual(["lent", "lent"]);
  });
});

describe("PushBody, defects found", () => {
  test("a stopped source is not resumed when its sink resumes", () => {
    const source = new Source();
    const sink = Sink.on(source, () => false);
    source.write("a");
    sink.flow?.cancel();
    sink.flow?.resume();
    expect(source.calls).toEqual(["start", "stop undefined"]);
  });

  test("what a source pushes as it starts comes after the buffered chunks", () => {
    const source = new Source();
    source.write("a", "b");
    source.onStart = () => source.write("c");
    expect(Sink.on(source).text).toBe("abc");
  });

  test("what a source pushes while its sink handles a chunk is queued", () => {
    const source = new Source();
    const meanwhile: unknown[] = [];
    const sink: Sink = Sink.on(source, (count) => {
      if (count > 1) return true;
      source.write("b", "c");
      source.end();
      meanwhile.push(sink.text, ...sink.ends);
      return true;
    });
    source.write("a");
    expect(meanwhile).toEqual(["a"]);
    expect(sink.text).toBe("abc");
    expect(sink.ends).toEqual(["end"]);
  });

  test("a source that breaks during write still delivers the buffered chunks", () => {
    const source = new Source();
    source.write("a", "b");
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

test("PushBody, property: bytes arrive once and in order, with one end, and nothing after a cancel", () => {
  const takes = fc.array(fc.boolean(), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), takes, (steps, takes) => {
      const source = new Source();
      const sink = new Sink();
      sink.onWrite = (count) => takes[count % takes.length] as boolean;
      const pushed: Buffer[] = [];
      let over: Step | undefined;
      let afterCancel: number | undefined;
      for (const step of steps) {
        if (step === "resume") sink.flow?.resume();
        else if (step === "pipe") sink.flow ??= over === "cancel" ? undefined : source.pipe(sink);
        else if (typeof step === "number") {
          const chunk = Buffer.alloc(step, pushed.length);
          source.write(chunk);
          if (over === undefined) pushed.push(chunk);
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

      const expected = Buffer.concat(pushed);
      const got = Buffer.concat(sink.chunks);
      expect(expected.subarray(0, got.length).equals(got)).toBe(true);
      expect(sink.ends).toEqual(over === "end" ? ["end"] : over === "break" ? ["fail"] : []);
      const all = over === "end" || over === undefined;
      expect(got.length).toBe(all ? expected.length : got.length);
      expect(sink.chunks.length).toBe(over === "cancel" ? afterCancel : sink.chunks.length);
      expect(source.calls.filter((each) => each.startsWith("stop")).length).toBe(over === "cancel" ? 1 : 0);
    }),
    { numRuns: 300 },
  );
});
