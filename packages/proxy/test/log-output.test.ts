import { virtualClock } from "@pagoda/core/testing";
import { array, assert, asyncProperty, constant, nat, oneof } from "fast-check";
import { describe, expect, test } from "vitest";
import { LogOutput, type Sink } from "../src/log-output.ts";

/** A sink that holds writes until the test settles them. */
function scripted() {
  const chunks: string[] = [];
  const settle: ((written?: number, error?: Error) => void)[] = [];
  const sink: Sink = (chunk, done) => {
    chunks.push(chunk.toString());
    settle.push((written = chunk.byteLength, error) => done(written, error));
  };
  /** Settles the write in progress, if any. */
  function next(written?: number, error?: Error): boolean {
    const done = settle.shift();
    done?.(written, error);
    return done !== undefined;
  }
  return { sink, chunks, next };
}

/** Lines are written at the end of the turn. */
const turn = (): Promise<void> => virtualClock().advance(0);

const full = new Error("ENOSPC");

describe("a log output", () => {
  test("writes the lines of one turn together, in order", async () => {
    const { sink, chunks } = scripted();
    const output = new LogOutput(sink);
    output.write("a\n");
    output.write("b\n");
    expect(chunks).toEqual([]);
    await turn();
    expect(chunks).toEqual(["a\nb\n"]);
  });

  test("has one write in progress at a time", async () => {
    const { sink, chunks, next } = scripted();
    const output = new LogOutput(sink);
    output.write("a\n");
    await turn();
    output.write("b\n");
    output.write("c\n");
    await turn();
    expect(chunks).toEqual(["a\n"]);
    next();
    expect(chunks).toEqual(["a\n", "b\nc\n"]);
  });

  test("writes whole lines, at most chunkBytes at once unless one line has more", async () => {
    const { sink, chunks, next } = scripted();
    const output = new LogOutput(sink, { chunkBytes: 4 });
    for (const line of ["a\n", "é\n", "b\n", "a long one\n", "c\n"]) output.write(line);
    await turn();
    for (let i = 0; i < 3; i++) next();
    expect(chunks).toEqual(["a\n", "é\n", "b\n", "a long one\n"]);
    next();
    expect(chunks.at(-1)).toBe("c\n");
  });

  test("drops and counts lines when more than maxPendingBytes wait", async () => {
    const { sink, chunks, next } = scripted();
    const output = new LogOutput(sink, { maxPendingBytes: 5 });
    for (const line of ["aa\n", "b\n", "c\n"]) output.write(line);
    expect(output.dropped).toBe(1);
    await turn();
    output.write("d\n");
    expect(output.dropped).toBe(2);
    next();
    output.write("e\n");
    await turn();
    expect(chunks).toEqual(["aa\nb\n", "e\n"]);
    expect(output.dropped).toBe(2);
  });

  test("reports how many lines were dropped once writing works again", async () => {
    const { sink, next } = scripted();
    const told: number[] = [];
    const output = new LogOutput(sink, { maxPendingBytes: 4 });
    output.onRecovered = (dropped) => told.push(dropped);
    for (const line of ["a\n", "b\n", "c\n", "d\n"]) output.write(line);
    await turn();
    expect(told).toEqual([]);
    next();
    expect(told).toEqual([2]);
    output.write("e\n");
    await turn();
    next();
    expect(told).toEqual([2]);
  });

  test("counts the lines of a failed write as dropped and continues with the next", async () => {
    const { sink, chunks, next } = scripted();
    const output = new LogOutput(sink);
    output.write("a\n");
    output.write("b\n");
    await turn();
    next(0, full);
    expect(output.dropped).toBe(2);
    output.write("c\n");
    await turn();
    expect(chunks.at(-1)).toBe("c\n");
  });

  test("starts a new line after a partial write", async () => {
    const { sink, chunks, next } = scripted();
    const output = new LogOutput(sink);
    output.write("aaaa\n");
    output.write("b\n");
    await turn();
    next(2, full);
    expect(output.dropped).toBe(2);
    output.write("c\n");
    await turn();
    expect(chunks.at(-1)).toBe("\nc\n");
    next();
    output.write("d\n");
    await turn();
    expect(chunks.at(-1)).toBe("d\n");
  });

  test("flushes until everything is written", async () => {
    const { sink, next } = scripted();
    const output = new LogOutput(sink);
    const clock = virtualClock();
    await output.flush(1_000, clock);
    output.write("a\n");
    let flushed = false;
    const done = output.flush(1_000, clock).then(() => (flushed = true));
    await turn();
    expect(flushed).toBe(false);
    next();
    await done;
    expect(clock.pending).toBe(0);
  });

  test("stops flushing at the time limit when nobody reads", async () => {
    const { sink } = scripted();
    const output = new LogOutput(sink);
    const clock = virtualClock();
    output.write("a\n");
    const done = output.flush(1_000, clock);
    await clock.advance(1_000);
    await done;
  });

  test("property: writes every line once, in order, or counts it as dropped", async () => {
    await assert(
      asyncProperty(
        array(oneof(nat({ max: 30 }), constant("ok"), constant("full"), constant("turn"))),
        async (steps) => {
          const { sink, chunks, next } = scripted();
          const output = new LogOutput(sink, { maxPendingBytes: 100, chunkBytes: 40 });
          let lines = 0;
          let lost = 0;
          for (const step of steps) {
            if (typeof step === "number") output.write(`${lines++} ${"x".repeat(step)}\n`);
            else if (step === "ok") next();
            else if (step === "full") {
              const before = output.dropped;
              next(0, full);
              lost += output.dropped - before;
            } else await turn();
          }
          await turn();
          while (next()) continue;
          const seen = chunks
            .join("")
            .split("\n")
            .filter(Boolean)
            .map((line) => Number(line.split(" ")[0]));
          expect(seen).toEqual(seen.toSorted((a, b) => a - b));
          expect(new Set(seen).size).toBe(seen.length);
          // The sink has seen the failed ones; the others were dropped for lack of space.
          const refused = output.dropped - lost;
          expect(seen.length + refused).toBe(lines);
        },
      ),
      { numRuns: 300 },
    );
  });
});
