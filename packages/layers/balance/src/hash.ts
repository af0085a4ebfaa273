/** Number of hashes: a hash is an integer from 0 to this, exclusive. */
export const hashes: number = 2 ** 32;

/** The bits of the golden ratio, whose multiples are far apart. */
export const golden = 0x9e3779b9;

/** Derives another seed, for a second hash of the same string. */
export function otherSeed(seed: number): number {
  return (seed ^ golden) >>> 0;
}

/**
 * Computes the 32-bit MurmurHash3 of a string's UTF-16 code units in little-endian order. So every
 * string has a hash, even with lone surrogates, and it is the same on every machine.
 *
 * Cost: about 30 ns for a key of 20 characters; no allocation.
 *
 * Source: A. Appleby, MurmurHash3_x86_32 (2011), public domain.
 *
 * @param seed An integer from 0 to 2³² − 1.
 */
export function hash(text: string, seed: number): number {
  const { length } = text;
  const even = length & ~1;
  let state = seed;
  for (let at = 0; at < even; at += 2) {
    state = state ^ scramble(text.charCodeAt(at) | (text.charCodeAt(at + 1) << 16));
    state = (Math.imul((state << 13) | (state >>> 19), 5) + 0xe6546b64) | 0;
  }
  if (even < length) state ^= scramble(text.charCodeAt(even));
  return mix(state ^ (length * 2));
}

/** The finalizer of MurmurHash3: each bit of the number affects half the bits of the result. */
export function mix(number: number): number {
  let state = number ^ (number >>> 16);
  state = Math.imul(state, 0x85ebca6b);
  state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35);
  return (state ^ (state >>> 16)) >>> 0;
}

function scramble(block: number): number {
  const product = Math.imul(block, 0xcc9e2d51);
  return Math.imul((product << 15) | (product >>> 17), 0x1b873593);
}
