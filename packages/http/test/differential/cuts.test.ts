import { describe, expect, test } from "vitest";
import { corpus } from "./corpus.ts";
import { inputOf } from "./inputs.ts";
import { type Reading, readWithOurs } from "./reading.ts";

/** The bytes of a text, cut at these places. */
function* cut(text: string, ...places: readonly number[]): Generator<Buffer> {
  const bytes = Buffer.from(text, "latin1");
  let from = 0;
  for (const to of [...places, bytes.length]) {
    yield bytes.subarray(from, to);
    from = to;
  }
}

const whole = (text: string): Reading => readWithOurs(cut(text));
/** Faster to compare than objects, thousands of times. */
const shown = (reading: Reading): string => JSON.stringify(reading);
const everywhere = (text: string): number[] => Array.from({ length: text.length }, (_each, i) => i);

describe("bytes are read alike in whatever pieces they arrive", () => {
  test("requests of the corpus, cut at every place and in two places", () => {
    const faults = corpus.flatMap((text) => {
      const expected = shown(whole(text));
      const places = everywhere(text);
      return [places, ...places.slice(0, 1_000).flatMap((at) => [[at], [at, Math.min(text.length, at + 2)]])]
        .filter((places) => shown(readWithOurs(cut(text, ...places))) !== expected)
        .map((places) => `${JSON.stringify(text)} cut at ${places.join()}`);
    });
    expect(faults).toEqual([]);
  });

  test("mutated requests, in single bytes", () => {
    const faults = Array.from({ length: 4_000 }, (_each, number) => inputOf(1, number)).filter(
      (text) => shown(readWithOurs(cut(text, ...everywhere(text)))) !== shown(whole(text)),
    );
    expect(faults).toEqual([]);
  });

  test("defect: a head in parts that end with its lines", () => {
    const lines = ["GET / HTTP/1.1\r\n", "Host: a\r\n", "X: y\r\n", "\r\n"];
    const reading = readWithOurs(lines.map((line) => Buffer.from(line)));
    expect(reading).toEqual(whole(lines.join("")));
    expect(reading.requests).toMatchObject([{ fields: ["Host", "a", "X", "y"], isComplete: true }]);
  });

  test("defect: a later HTTP version before a malformed field", () => {
    const text = "GET / HTTP/2.0\r\nX: a\nY: b\r\n\r\n";
    expect(whole(text).refusal).toBe("400 malformed request");
    expect(readWithOurs(cut(text, ...everywhere(text)))).toEqual(whole(text));
  });

  test.each([
    ["fields of 61,440 bytes", `GET / HTTP/1.1\r\nHost: a\r\nX: ${"y".repeat(61_440)}\r\n\r\n`],
    ["a head at the limit of one that is incomplete", `GET / HTTP/1.1\r\nX: ${"y".repeat(65_514)}\r\n\r\n`],
    ["a head beyond it", `GET / HTTP/1.1\r\nX: ${"y".repeat(65_515)}\r\n\r\n`],
    ["a bare line feed behind it", `GET / HTTP/1.1\r\nX: ${"y".repeat(65_530)}\nY: z\r\n\r\n`],
    ["a target of 70,000 bytes", `GET /${"y".repeat(70_000)} HTTP/1.1\r\nHost: a\r\n\r\n`],
  ])("defect: a long head: %s", (_name, text) => {
    const expected = whole(text);
    for (const size of [1_000, 4_095, 4_096, 4_097, 65_536]) {
      const places = everywhere(text).filter((at) => at % size === 0);
      expect(readWithOurs(cut(text, ...places))).toEqual(expected);
    }
    const last = [...everywhere(text).slice(-40), ...everywhere(text).slice(65_500, 65_560)];
    for (const at of last) expect(readWithOurs(cut(text, at))).toEqual(expected);
  });
});
