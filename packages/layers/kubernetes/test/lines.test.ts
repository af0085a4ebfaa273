import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Lines } from "../src/lines.ts";

describe("lines", () => {
  test("are the same however the bytes are split", () => {
    const text = fc.array(fc.string({ unit: "grapheme", maxLength: 8 }), { maxLength: 8 });
    const sizes = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1 });
    fc.assert(
      fc.property(text, sizes, (written, pieces) => {
        const bytes = new TextEncoder().encode(written.map((line) => `${line}\n`).join(""));
        const lines = new Lines(1_000);
        const read: string[] = [];
        for (let at = 0, n = 0; at < bytes.length; n++) {
          const size = pieces[n % pieces.length] as number;
          read.push(...(lines.add(bytes.subarray(at, at + size)) ?? []));
          at += size;
        }
        const expected = written.join("\n").split("\n");
        expect(read).toEqual(expected.filter((line) => line !== ""));
      }),
    );
  });

  test.each([
    ["in one piece", ["12345\n"]],
    ["in several pieces", ["123", "45\n"]],
    ["without an end", ["123", "45"]],
    ["after a short one", ["1\n12345\n"]],
  ])("that are too long are refused: %s", (_, pieces) => {
    const lines = new Lines(4);
    const read = pieces.map((piece) => lines.add(new TextEncoder().encode(piece)));
    expect(read.at(-1)).toBeUndefined();
    expect(read.slice(0, -1)).toEqual(pieces.slice(0, -1).map(() => []));
  });

  test("may be as long as allowed", () => {
    expect(new Lines(4).add(new TextEncoder().encode("1234\n"))).toEqual(["1234"]);
  });
});
