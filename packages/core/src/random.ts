/**
 * A random number generator: each call returns a uniformly distributed number from 0 (inclusive) to
 * 1 (exclusive).
 */
export type Random = () => number;

/** The system's generator, and the default of every layer. Not for secrets. */
export const systemRandom: Random = Math.random;
