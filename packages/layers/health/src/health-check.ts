import type { Description, Endpoint, HealthSource, HealthWatch } from "@pagoda/core";
import { checkSettings, type HealthCheckOptions } from "./check-options.ts";
import { Checker } from "./checker.ts";

/** A health source that tries out each endpoint at intervals. */
export interface HealthCheck<in E extends Endpoint = Endpoint> extends HealthSource<E> {
  describe(): Description;
}

/**
 * Tries out each endpoint at intervals, whatever calls say. One that fails several checks in a row becomes unhealthy,
 * one that passes several becomes healthy again. One that has not passed any yet becomes healthy with the first that it
 * passes: the threshold is against those that come and go, and that one has not.
 *
 * The first check begins as soon as the endpoint is there. Checks of an endpoint never overlap. One that has no result
 * in time is aborted and has failed; one that this side refused (of origin `local`) says nothing. A probe that throws or
 * rejects has failed, and the observer hears of the defect.
 *
 * Use it so that endpoints which are down get no calls, and come back as soon as they are up; for endpoints that get few
 * calls nothing else tells. It sees what the probe sees: beside it, `outlierDetection` sees what callers do. One source
 * for each balancer.
 *
 * Errors: none. Cost: nothing on the path of a call; a timer for each endpoint, and what the probe costs.
 *
 * Source: Envoy's active health checking. Interval, timeout and the failures are the defaults of Kubernetes' probes, the
 * two successes are HAProxy's `rise`.
 *
 * @throws RangeError when an option is out of range.
 */
export function healthCheck<E extends Endpoint = Endpoint>(options: HealthCheckOptions<E>): HealthCheck<E> {
  const settings = checkSettings(options);
  const checkers = new Set<Checker<E>>();
  const { probe: _probe, observer: _observer, clock: _clock, random: _random, ...described } = settings;
  return {
    name: "health-check",
    watch(endpoint, changed): HealthWatch {
      const checker = new Checker(endpoint, settings, changed, () => checkers.delete(checker));
      checkers.add(checker);
      return checker;
    },
    describe: () => ({
      name: "health-check",
      options: described,
      state: {
        endpoints: checkers.size,
        healthy: Array.from(checkers).filter(({ healthy }) => healthy).length,
      },
    }),
  };
}
