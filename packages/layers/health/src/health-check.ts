import type { Description, Endpoint, HealthSource, HealthWatch } from "@pagoda/core";
import { checkSettings, type HealthCheckOptions } from "./check-options.ts";
import { Checker } from "./checker.ts";

/** A health source that checks each endpoint periodically. */
export interface HealthCheck<in E extends Endpoint = Endpoint> extends HealthSource<E> {
  describe(): Description;
}

/**
 * Checks each endpoint periodically, regardless of its calls. An endpoint becomes unhealthy after
 * several consecutive failures and healthy again after several consecutive successes. An endpoint
 * that never passed becomes healthy with its first success: the threshold guards against flapping,
 * which a new endpoint has not done.
 *
 * The first check starts as soon as the endpoint is known. Checks of an endpoint never overlap. A
 * check that exceeds its time limit is aborted and fails. A check refused on this side (origin
 * `local`) counts neither way. A probe that throws or rejects fails, and the observer's `defect` is
 * called.
 *
 * Use it so that endpoints that are down get no calls and come back as soon as they are up. It is
 * the only signal for endpoints that get few calls. It sees what the probe sees; add
 * `outlierDetection` to see what callers see. One source per balancer.
 *
 * Errors: none. Cost: nothing per call; one timer per endpoint, and the probe's.
 *
 * Source: Envoy's active health checking. Interval, timeout and failure threshold are the defaults
 * of Kubernetes probes; the success threshold is HAProxy's `rise`.
 *
 * @throws RangeError if an option is out of range.
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
