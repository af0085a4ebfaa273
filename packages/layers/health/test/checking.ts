import type { Endpoint, HealthWatch } from "@pagoda/core";
import { settled, type VirtualClock, virtualClock } from "@pagoda/core/testing";
import {
  type HealthCheck,
  healthCheck,
  type HealthCheckOptions,
  illProbed,
  type ProbeResult,
  wellProbed,
} from "@pagoda/health";

/** One run of the probe, to be settled by the test. */
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
  readonly told: string[];
  /** Every run so far. */
  readonly runs: readonly Run[];
  /** Keys of endpoints that the probe was told have gone. */
  readonly gone: readonly string[];
  watch(key: string): HealthWatch;
  /** Settles the last run, one result after the other, each time when the next one is due. */
  results(watch: HealthWatch, ...well: readonly boolean[]): Promise<string>;
}

export const ill: ProbeResult = illProbed("down");

/** Endpoints that are checked in virtual time, by a probe that says what a test says. */
export function checking(options: Partial<HealthCheckOptions> = {}): Checking {
  const clock = virtualClock();
  const told: string[] = [];
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
        told.push(`${key} ${failure === undefined ? "passed" : `failed: ${failure.reason}`} ${durationMs}`),
      changed: (key, healthy, reason) => told.push(`${key} ${healthy ? "well" : `ill: ${reason}`}`),
      defect: (key, defect) => told.push(`${key} defect ${(defect as Error).message}`),
    },
    ...options,
  });
  return {
    clock,
    source,
    told,
    runs,
    gone,
    watch: (key) => source.watch({ key }, () => told.push(`${key} changed`)),
    async results(watch, ...well) {
      let seen = "";
      for (const each of well) {
        runs.at(-1)?.settle(each ? wellProbed : ill);
        await settled();
        seen += watch.healthy ? "+" : "-";
        await clock.advance(10_000);
      }
      return seen;
    },
  };
}
