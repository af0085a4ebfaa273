import type { Random } from "../random.ts";

/**
 * A random number generator that returns the same numbers for the same seed on every platform:
 * mulberry32 by Tommy Ettinger (public domain). With 32 bits of state it is good enough for
 * simulations and nothing else.
 */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
