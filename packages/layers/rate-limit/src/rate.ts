/** How many calls may pass. */
export interface Rate {
  /** Calls a second in the long run, more than 0 and at most 1,000,000; 0.1 is one in ten seconds. */
  readonly perSecond: number;
  /** Calls that may come at once after a pause: whole, 1 to 1,000,000,000. Default: those of a second, rounded up. */
  readonly burst?: number;
}

/** A rate of which all is said. */
export type FullRate = Required<Rate>;

const maxPerSecond = 1_000_000;
const maxBurst = 1_000_000_000;

/** @throws RangeError when one of the two is out of range. */
export function fullRate(name: string, { perSecond, burst = Math.ceil(perSecond) }: Rate): FullRate {
  if (!(perSecond > 0 && perSecond <= maxPerSecond))
    throw new RangeError(
      `rate-limit: ${name}.perSecond is ${perSecond}; valid is more than 0, at most ${maxPerSecond}`,
    );
  if (!(Number.isInteger(burst) && burst >= 1 && burst <= maxBurst))
    throw new RangeError(
      `rate-limit: ${name}.burst is ${burst}; valid is a whole number from 1 to ${maxBurst}`,
    );
  return { perSecond, burst };
}
