import type { HealthWatch, Outcome } from "@pagoda/core";
import { type VirtualClock, virtualClock } from "@pagoda/core/testing";
import { type OutlierDetection, outlierDetection, type OutlierDetectionOptions } from "@pagoda/health";

export type Call = "success" | "failure" | "gateway" | "limited" | "neutral";

const outcomes: Readonly<Record<Call, Outcome>> = {
  success: { kind: "success", retryable: false },
  failure: { kind: "failure", retryable: false },
  gateway: { kind: "failure", retryable: true },
  limited: { kind: "limited", retryable: true },
  neutral: { kind: "neutral", retryable: true },
};

export interface Detecting {
  readonly clock: VirtualClock;
  readonly source: OutlierDetection;
  /** Events of the observer, and `a changed` for each call of a watch's `changed`. */
  readonly events: string[];
  come(...keys: readonly string[]): void;
  go(...keys: readonly string[]): void;
  /** Ends calls of an endpoint with these outcomes, in order. */
  ended(key: string, ...calls: readonly Call[]): void;
  /** Ends `calls` calls of an endpoint, `successes` of them successful, spread to avoid consecutive failures. */
  interval(key: string, calls: number, successes: number): void;
  state(key: string): ReturnType<HealthWatch["state"]>;
  /** Keys of the unhealthy endpoints. */
  ill(): string;
  present(): readonly string[];
}

/** Outlier detection in virtual time. */
export function detecting(
  keys: readonly string[],
  options: OutlierDetectionOptions = {},
  clock: VirtualClock = virtualClock(),
): Detecting {
  const events: string[] = [];
  const watches = new Map<string, HealthWatch>();
  const source = outlierDetection({
    clock,
    observer: {
      ejected: (key, { reason, forMs, times }) => events.push(`${key} ejected ${reason} ${forMs} ${times}`),
      returned: (key) => events.push(`${key} returned`),
      overflowed: (key, reason) => events.push(`${key} overflowed ${reason}`),
    },
    ...options,
  });
  const watchOf = (key: string): HealthWatch => watches.get(key) as HealthWatch;
  const self: Detecting = {
    clock,
    source,
    events,
    come(...keys) {
      for (const key of keys) {
        watches.set(
          key,
          source.watch({ key }, () => events.push(`${key} changed`)),
        );
      }
    },
    go(...keys) {
      for (const key of keys) {
        const watch = watchOf(key);
        watches.delete(key);
        watch.close();
      }
    },
    ended(key, ...calls) {
      for (const call of calls) watchOf(key).ended?.(outcomes[call]);
    },
    interval(key, calls, successes) {
      const failures = calls - successes;
      for (let n = 0; n < Math.max(successes, failures); n++) {
        if (n < failures) self.ended(key, "failure");
        if (n < successes) self.ended(key, "success");
      }
    },
    state: (key) => watchOf(key).state(),
    ill: () =>
      [...watches]
        .filter(([, { healthy }]) => !healthy)
        .map(([key]) => key)
        .join(" "),
    present: () => [...watches.keys()],
  };
  self.come(...keys);
  return self;
}

/** Returns `count` keys: a, b, c, … */
export function letters(count: number): readonly string[] {
  return Array.from({ length: count }, (_, n) => String.fromCodePoint(97 + n));
}
