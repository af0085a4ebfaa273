import type { Endpoint, HealthWatch } from "@pagoda/core";
import { settled, type VirtualClock, virtualClock } from "@pagoda/core/testing";
import {
  type HealthCheck,
  healthCheck,
  type HealthCheckOptions,
  probeFailed,
  type ProbeResult,
  probeSucceeded,
} from "@pagoda/health";

/** One run of the probe, settled by the test. */
export interface Run {
  readonly key: string;
  readonly atMs: number;
  readonly signal: AbortSignal;
  readonly settle: (result: ProbeResult) => void;
  readonly reject: (defect: unknown) => void;
}

export interface Checking {
  readonly clock: VirtualClock;
  readonly source: HealthCheck;
  readonly events: string[];
  /** Every run so far. */
  readonly runs: readonly Run[];
  /** Keys passed to the probe's `gone`. */
  readonly gone: readonly string[];
  watch(key: string): HealthWatch;
  /** Settles one run per result, advancing the clock to the next check after each. */
  results(watch: HealthWatch, ...well: readonly boolean[]): Promise<string>;
}

export const ill: ProbeResult = probeFailed("down");

/** Health checks in virtual time, with a probe that the test settles. */
export function checking(options: Partial<HealthCheckOptions> = {}): Checking {
  const clock = virtualClock();
  const events: string[] = [];
  const runs: Run[] = [];
  const gone: string[] = [];
  const probe = Object.assign(
    ({ key }: Endpoint, signal: AbortSignal) =>
      new Promise<ProbeResult>((resolve, reject) => {
        runs.push({ key, atMs: clock.now(), signal, settle: resolve, reject });
      }),
    { gone: ({ key }: Endpoint) => void gone.push(key) },
  );
  const source = healthCheck({
    probe,
    jitterRatio: 0,
    clock,
    observer: {
      checked: (key, { durationMs, failure }) =>
        events.push(`${key} ${failure === undefined ? "passed" : `failed: ${failure.reason}`} ${durationMs}`),
      changed: (key, healthy, reason) => events.push(`${key} ${healthy ? "well" : `ill: ${reason}`}`),
      defect: (key, defect) => events.push(`${key} defect ${(defect as Error).message}`),
    },
    ...options,
  });
  return {
    clock,
    source,
    events,
    runs,
    gone,
    watch: (key) => source.watch({ key }, () => events.push(`${key} changed`)),
    async results(watch, ...well) {
      let seen = "";
      for (const each of well) {
        runs.at(-1)?.settle(each ? probeSucceeded : ill);
        await settled();
        seen += watch.healthy ? "+" : "-";
        await clock.advance(10_000);
      }
      return seen;
    },
  };
}
