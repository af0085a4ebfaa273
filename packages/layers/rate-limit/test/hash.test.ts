import { describe, expect, test } from "vitest";
import { halves, hash } from "../src/hash.ts";

function hashed(text: string, key0 = 1, key1 = 2): string {
  hash(text, key0, key1);
  return `${halves[0]} ${halves[1]}`;
}

describe("hash", () => {
  test("100,000 hashes are distinct and evenly distributed", () => {
    const all = new Set<string>();
    const places = new Int32Array(64);
    for (let at = 0; at < 100_000; at++) {
      all.add(hashed(`10.${at >> 16}.${(at >> 8) & 255}.${at & 255}`));
      const place = ((halves[1] as number) >>> 0) % 64;
      places[place] = (places[place] as number) + 1;
    }
    expect(all.size).toBe(100_000);
    // 1,562 on average, with a standard deviation of 39.
    for (const count of places) expect(Math.abs(count - 1_562)).toBeLessThan(240);
  });

  test("depends on text and key only", () => {
    expect(hashed("a")).toBe(hashed("a"));
    expect(hashed("a", 1, 3)).not.toBe(hashed("a"));
    expect(hashed("a", 3, 2)).not.toBe(hashed("a"));
  });

  test("depends on every character, its position and the length", () => {
    const texts = ["", "\0", "\0\0", "a", "ab", "ba", "abc", "acb", "\u0100", "\u0001", "ab\0"];
    expect(new Set(texts.map((text) => hashed(text))).size).toBe(texts.length);
  });
});
