import { checkInteger, checkNumber } from "@pagoda/core";

/** A rate of calls. */
export interface Rate {
  /** Sustained calls per second, over 0, at most 1,000,000; 0.1 is one call per ten seconds. */
  readonly perSecond: number;
  /**
   * Calls admitted at once after a pause: an integer from 1 to 1,000,000,000. Default: `perSecond`,
   * rounded up.
   */
  readonly burst?: number;
}

/** A rate with its default applied. */
export type FullRate = Required<Rate>;

const maxPerSecond = 1_000_000;
const maxBurst = 1_000_000_000;

/** @throws RangeError if one of the two is out of range. */
export function fullRate(name: string, { perSecond, burst = Math.ceil(perSecond) }: Rate): FullRate {
  checkNumber(`rate-limit: ${name}.perSecond`, perSecond, { above: 0, max: maxPerSecond });
  checkInteger(`rate-limit: ${name}.burst`, burst, { min: 1, max: maxBurst });
  return { perSecond, burst };
}
