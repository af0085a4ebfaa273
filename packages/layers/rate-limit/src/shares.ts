import type { FullRate } from "./rate.ts";
import type { Rates } from "./store.ts";

/**
 * A share of limits: of their rates, and of their bursts, which are at least 1. Without a share, or with
 * 0, the limits themselves.
 */
export function sharesOf({ global, keyed }: Rates, share: number | undefined): Rates {
  if (share === undefined || share === 0) return { global, keyed };
  return { global: shareOf(global, share), keyed: shareOf(keyed, share) };
}

function shareOf(rate: FullRate | undefined, share: number): FullRate | undefined {
  return rate && { perSecond: rate.perSecond * share, burst: Math.max(1, Math.floor(rate.burst * share)) };
}
