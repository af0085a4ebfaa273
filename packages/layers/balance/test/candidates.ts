import type { Candidate } from "@pagoda/balance";

/**
 * Endpoints as a strategy sees them: one for each entry, ready or not, with what else a test says
 * of all.
 */
export function candidates(ready: readonly boolean[], others: Partial<Candidate> = {}): Candidate[] {
  return ready.map((isReady, n) => ({
    key: String(n),
    weight: 1,
    pending: 0,
    share: 1,
    load: undefined,
    isReady: () => isReady,
    ...others,
  }));
}
