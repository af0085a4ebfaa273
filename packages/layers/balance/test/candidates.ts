import type { Candidate } from "@pagoda/balance";

/** Candidates, one per entry, ready or not, with the same overrides for all. */
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
