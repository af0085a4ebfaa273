/** The two halves of a 64-bit hash. Overwritten by each {@link hash}. */
export const halves = new Int32Array(2);

/**
 * Computes HalfSipHash-1-3 of a string with 64 bits of output. Without the key nobody can construct
 * collisions. Costs about 5 ns per character.
 *
 * Source: J.-P. Aumasson, D. J. Bernstein, "SipHash: a fast short-input PRF" (2012), and the
 * reference code's variant for 32-bit words.
 */
export function hash(text: string, key0: number, key1: number): void {
  let v0 = key0;
  let v1 = key1 ^ 0xee;
  let v2 = key0 ^ 0x6c796765;
  let v3 = key1 ^ 0x74656462;
  const round = (): void => {
    v0 = (v0 + v1) | 0;
    v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0;
    v0 = (v0 << 16) | (v0 >>> 16);
    v2 = (v2 + v3) | 0;
    v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2;
    v0 = (v0 + v3) | 0;
    v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0;
    v2 = (v2 + v1) | 0;
    v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2;
    v2 = (v2 << 16) | (v2 >>> 16);
  };
  const { length } = text;
  const even = length & ~1;
  for (let at = 0; at < even; at += 2) {
    const word = text.charCodeAt(at) | (text.charCodeAt(at + 1) << 16);
    v3 ^= word;
    round();
    v0 ^= word;
  }
  // The length in bytes and the remaining character.
  const last = ((length * 2) << 24) | (even < length ? text.charCodeAt(even) : 0);
  v3 ^= last;
  round();
  v0 ^= last;
  v2 ^= 0xee;
  round();
  round();
  round();
  halves[0] = v1 ^ v3;
  v1 ^= 0xdd;
  round();
  round();
  round();
  halves[1] = v1 ^ v3;
}
