/** A source of chance: each call gives a number from 0 (included) to 1 (not included), evenly spread. */
export type Random = () => number;

/** The system's generator, and the default of every layer. Not for secrets. */
export const systemRandom: Random = Math.random;
