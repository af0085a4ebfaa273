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

/**
 * An independent {@link seededRandom} for each purpose, all from one seed: an extra draw for one does
 * not shift the others.
 */
export function randomStream(seed: number, purpose: string): Random {
  let hash = Math.imul(seed ^ 0x811c9dc5, 0x01000193) >>> 0;
  for (let at = 0; at < purpose.length; at++)
    hash = Math.imul(hash ^ purpose.charCodeAt(at), 0x01000193) >>> 0;
  const random = seededRandom(hash);
  // The first numbers of neighbouring seeds are similar, so they are discarded.
  for (let skipped = 0; skipped < 4; skipped++) random();
  return random;
}
