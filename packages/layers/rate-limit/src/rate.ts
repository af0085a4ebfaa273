import { checkInteger, checkNumber } from "@pagoda/core";

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
  checkNumber(`rate-limit: ${name}.perSecond`, perSecond, { above: 0, max: maxPerSecond });
  checkInteger(`rate-limit: ${name}.burst`, burst, { min: 1, max: maxBurst });
  return { perSecond, burst };
}
