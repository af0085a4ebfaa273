import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hash, mix } from "../src/hash.ts";

const c1 = 0xcc9e2d51n;
const c2 = 0x1b873593n;
const mask = 0xffff_ffffn;

/**
 * A slow reference implementation of MurmurHash3_x86_32 over bytes, as published, in big integers.
 */
function reference(bytes: Uint8Array, seed: number): number {
  let state = BigInt(seed);
  for (let at = 0; at < bytes.length; at += 4) {
    const block = bytes.subarray(at, at + 4);
    let k = block.reduce((sum, byte, n) => sum | (BigInt(byte) << BigInt(8 * n)), 0n);
    k = (rotated((k * c1) & mask, 15n) * c2) & mask;
    state ^= k;
    if (block.length === 4) state = (rotated(state, 13n) * 5n + 0xe6546b64n) & mask;
  }
  state ^= BigInt(bytes.length);
  state = ((state ^ (state >> 16n)) * 0x85ebca6bn) & mask;
  state = ((state ^ (state >> 13n)) * 0xc2b2ae35n) & mask;
  return Number(state ^ (state >> 16n));
}

function rotated(number: bigint, bits: bigint): bigint {
  return ((number << bits) | (number >> (32n - bits))) & mask;
}

function utf16(text: string): Uint8Array {
  return Uint8Array.from({ length: text.length * 2 }, (_, n) => text.charCodeAt(n >> 1) >> (8 * (n & 1)));
}

const seed = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const anyText = fc.string({
  unit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)),
});

describe("hash", () => {
  // From https://stackoverflow.com/a/31929528, confirmed by SMHasher's code: the entries of whole
  // code units.
  test.each([
    ["", 0, 0],
    ["", 1, 0x514e28b7],
    ["", 0xffffffff, 0x81f16f39],
    ["\uffff\uffff", 0, 0x76293b50],
    ["\u4321\u8765", 0, 0xf55b516b],
    ["\u4321\u8765", 0x5082edee, 0x2362f9de],
    ["\u4321", 0, 0xa0f7b07a],
    ["\0\0", 0, 0x2362f9de],
    ["\0", 0, 0x30f4c306],
  ])("returns MurmurHash3's value for %j with seed %i", (text, ofSeed, value) => {
    expect(hash(text, ofSeed)).toBe(value);
    expect(reference(utf16(text), ofSeed)).toBe(value);
  });

  test("is tested against a reference that matches all published values", () => {
    expect(reference(Uint8Array.of(0x21, 0x43, 0x65), 0)).toBe(0x7e4a8634);
    expect(reference(Uint8Array.of(0x21), 0)).toBe(0x72661cf4);
    expect(reference(Uint8Array.of(0, 0, 0), 0)).toBe(0x85f0b427);
    expect(reference(new TextEncoder().encode("hello"), 0)).toBe(0x248bfa47);
  });

  test("hashes the code units of any string", () => {
    fc.assert(
      fc.property(anyText, seed, (text, ofSeed) => {
        expect(hash(text, ofSeed)).toBe(reference(utf16(text), ofSeed));
      }),
      { numRuns: 1_000 },
    );
  });

  test("distinguishes lone surrogates, and composed from decomposed letters", () => {
    const texts = ["\ud800", "\udc00", "\ufffd", "\u00e9", "e\u0301", "É", "ß", "ss", "i", "I", "ı"];
    expect(new Set(texts.map((text) => hash(text, 0))).size).toBe(texts.length);
  });

  test.each([0, 7, 0xdeadbeef])("changes half of its bits for each bit of a key: seed %i", (ofSeed) => {
    const flips = new Float64Array(32);
    const tries = 2_000;
    for (let n = 0; n < tries; n++) {
      const text = `key-${n}-x`;
      const other = text.slice(0, -1) + String.fromCharCode(120 ^ (1 << (n % 16)));
      const changed = hash(text, ofSeed) ^ hash(other, ofSeed);
      for (let bit = 0; bit < 32; bit++) flips[bit]! += (changed >>> bit) & 1;
    }
    for (const count of flips) expect(Math.abs(count / tries - 0.5)).toBeLessThan(0.06);
  });

  // Keys as made by attackers or counters: with the same suffix, prefix, length, or remainder.
  test.each<[string, (n: number) => string]>([
    ["counted up", (n) => String(n)],
    ["multiples of 65,537", (n) => String(n * 65_537)],
    ["multiples of 2¹⁶", (n) => String(n * 65_536)],
    ["differing in the first letter", (n) => `${String.fromCharCode(n)}-the-same-for-all`],
    ["differing in the last letter", (n) => `the-same-for-all-${String.fromCharCode(n)}`],
    ["differing in length alone", (n) => "a".repeat(n % 5_000)],
    ["of high bytes alone", (n) => String.fromCharCode((n % 256) * 256, (n >> 8) * 256)],
  ])("spreads keys that are %s", (_what, make) => {
    const keys = new Set(Array.from({ length: 5_000 }, (_, n) => make(n)));
    const buckets = new Float64Array(64);
    const low = new Float64Array(64);
    for (const key of keys) {
      buckets[hash(key, 0) >>> 26]!++;
      low[hash(key, 0) & 63]!++;
    }
    // Chi-square with 63 degrees of freedom: 126 is beyond one in 200,000.
    expect(chiSquare(buckets, keys.size)).toBeLessThan(126);
    expect(chiSquare(low, keys.size)).toBeLessThan(126);
  });

  test("the finalizer is a bijection", () => {
    const mixed = new Set(Array.from({ length: 100_000 }, (_, n) => mix(n * 40_503)));
    expect(mixed.size).toBe(100_000);
    expect(Math.min(...[...mixed].slice(0, 1_000))).toBeGreaterThanOrEqual(0);
  });
});

function chiSquare(counts: Float64Array, total: number): number {
  const expected = total / counts.length;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}
