import type { Clock, Discovery, HealthSource } from "@pagoda/core";
import {
  healthCheck,
  type HealthCheckObserver,
  outlierDetection,
  outlierEjections,
  type OutlierObserver,
  reportedHealth,
} from "@pagoda/health";
import type { ClusterConfig } from "../config/schema/cluster.ts";
import { observed } from "../policies/observed.ts";
import { eventsOf } from "../policies/policy.ts";
import { spanText } from "../policies/span-text.ts";
import type { ClusterContext } from "./cluster-context.ts";
import type { Origin } from "./origin.ts";
import { Outcomes } from "./outcomes.ts";
import { connectionOf } from "./transport-options.ts";

const outlierEvents = eventsOf<OutlierObserver>("outlier-detection", ["ejected", "returned", "overflowed"], {
  ejected: (endpoint, { forMs, failures = 0 }) =>
    `${endpoint} was ejected by this call for ${spanText(forMs)}: ${failures} failures in a row`,
});

/** Decides which endpoints of a cluster are healthy. */
export interface Health {
  readonly sources: readonly HealthSource<Origin>[];
  /** Outcomes of the calls to each endpoint. */
  readonly outcomes: Outcomes;
  /** Ends the ejection of an endpoint by outlier detection. Returns false if it was not ejected. */
  endEjection(endpoint: string): boolean;
  /** Settles when each of these has been checked once, or has had the time for it. */
  firstChecks(endpoints: readonly Origin[]): Promise<unknown>;
}

export function healthOf(
  cluster: string,
  config: ClusterConfig,
  context: ClusterContext & {
    readonly endpoints: Discovery<Origin>;
    readonly atEnd: (run: () => void) => void;
  },
): Health {
  const { endpoints, events, ejected, log, states, atEnd, clock, random, network, files } = context;
  const { check, outliers, xds } = config;
  const labels = { cluster };
  const outcomes = new Outcomes(clock);
  const sources: HealthSource<Origin>[] = [outcomes, ejected.of(cluster, clock)];
  const checks = new FirstChecks(clock);
  if (xds !== undefined)
    sources.push(reportedHealth({ discovery: endpoints, reason: ({ unhealthy }) => unhealthy }));
  if (check !== undefined)
    sources.push(
      healthCheck<Origin>({
        probe: network.probe(check, config, files),
        intervalMs: check.interval,
        timeoutMs: check.timeout,
        healthyThreshold: check.healthyThreshold,
        unhealthyThreshold: check.unhealthyThreshold,
        clock,
        random,
        observer: events.observer<HealthCheckObserver>("health-check", ["changed"], {
          labels,
          also: {
            checked: (endpoint) => checks.saw(endpoint),
            changed(endpoint, healthy, reason) {
              if (healthy) log.info({ endpoint }, "endpoint is healthy");
              else log.warn({ endpoint, reason }, "endpoint is unhealthy");
            },
            defect: (endpoint, err) => log.error({ endpoint, err }, "defect in a health check"),
          },
        }),
      }),
    );
  const detection =
    outliers === undefined
      ? undefined
      : outlierDetection({
          consecutiveFailures: outliers.consecutiveFailures,
          intervalMs: outliers.interval,
          ejectionMs: outliers.ejection,
          maxEjectionMs: outliers.maxEjection,
          maxEjectedRatio: outliers.maxEjected,
          clock,
          // Ejected endpoints stay ejected over a reload, unless they are called with other settings.
          ejections: states.hold(
            `outliers, cluster ${cluster}`,
            connectionOf(config),
            outlierEjections,
            atEnd,
          ),
          observer: observed({ metrics: events, labels, clock }, outlierEvents, {
            ejected: (endpoint, ejection) => log.warn({ endpoint, ...ejection }, "endpoint ejected"),
            returned: (endpoint) => log.info({ endpoint }, "endpoint returned from ejection"),
          }),
        });
  if (detection !== undefined) sources.push(detection);
  return {
    sources,
    outcomes,
    endEjection: (endpoint) => detection?.endEjection(endpoint) ?? false,
    firstChecks: async (endpoints) => check && checks.ofAll(endpoints, check.timeout),
  };
}

/** Records which endpoints have been checked. */
class FirstChecks {
  readonly #clock: Clock;
  readonly #seen = new Set<string>();
  #changed: (endpoint: string) => void = () => {};
  /** Whether the first checks are over: endpoints that come later need not be recorded. */
  #isOver = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  saw(endpoint: string): void {
    if (this.#isOver || this.#seen.has(endpoint)) return;
    this.#seen.add(endpoint);
    this.#changed(endpoint);
  }

  async ofAll(endpoints: readonly Origin[], withinMs: number): Promise<void> {
    const missing = new Set(endpoints.map(({ key }) => key).filter((key) => !this.#seen.has(key)));
    if (missing.size > 0) await this.#all(missing, withinMs);
    this.#isOver = true;
    this.#seen.clear();
  }

  #all(missing: Set<string>, withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#clock.setTimer(withinMs, resolve);
      this.#changed = (endpoint) => {
        if (!missing.delete(endpoint) || missing.size > 0) return;
        this.#clock.clearTimer(timer);
        resolve();
      };
    });
  }
}
