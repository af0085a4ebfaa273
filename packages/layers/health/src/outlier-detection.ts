import type { Clock, Description, Endpoint, HealthSource, HealthWatch, Timer } from "@pagoda/core";
import {
  outlierSettings,
  type OutlierDetectionOptions,
  outlierOptionsOf,
  type OutlierSettings,
} from "./outlier-options.ts";
import { OutlierWatch, type Detector } from "./outlier-watch.ts";
import { belowTheOthers } from "./success-rate.ts";

/** A health source that learns from calls alone. */
export interface OutlierDetection extends HealthSource {
  watch(endpoint: Endpoint, changed: () => void): HealthWatch;
  describe(): Description;
}

/**
 * Ejects the endpoints whose calls go worse than the others': for a while they get none, and that while grows each time.
 * An endpoint is an outlier
 * - at so many failures in a row, at once;
 * - at so many failures in a row that are retryable, at once; off by default;
 * - when its success rate in an interval lies far below the mean of all, as soon as the interval is over.
 *
 * A success ends a row. A result that asks for fewer calls (`limited`) neither ends one nor counts in it, and is no
 * success of the rate. Local refusals count nowhere. A failure to connect is a failure as any other: what is of this
 * side and what of the other a fault's origin says, so Envoy's split of the two is not needed. Calls of an endpoint that
 * is ejected do not count, whether they began before or are made in a panic.
 *
 * Use it wherever there are several endpoints: it costs the endpoints nothing, and sees what no check does. It learns
 * only from calls, so it stands beside active checks for endpoints that get few. One source for each balancer.
 *
 * At most `maxEjectedRatio` of the endpoints are ejected at once, but one may always be; and one is always left, for the
 * last one is no outlier of anything. So a single endpoint is never ejected. When so many endpoints go that the share is
 * exceeded, those return that would do so next.
 *
 * Errors: none. Cost: about 10 ns for a call that has succeeded, without a look at the clock; a comparison of all rates
 * each interval. A timer for the interval while endpoints are watched, and one for each that is ejected.
 *
 * Source: Envoy's outlier detection, and its defaults.
 *
 * @throws RangeError when an option is out of range.
 */
export function outlierDetection(options: OutlierDetectionOptions = {}): OutlierDetection {
  const detection = new Detection(outlierSettings(options));
  return {
    name: "outlier-detection",
    watch: (endpoint, changed) => detection.watch(endpoint, changed),
    describe: () => detection.describe(),
  };
}

class Detection implements Detector {
  readonly settings: OutlierSettings;
  readonly #clock: Clock;
  readonly #watches = new Set<OutlierWatch>();
  readonly #ejected = new Set<OutlierWatch>();
  #timer: Timer | undefined;

  constructor(settings: OutlierSettings) {
    this.settings = settings;
    this.#clock = settings.clock;
  }

  watch({ key }: Endpoint, changed: () => void): HealthWatch {
    const watch = new OutlierWatch(key, changed, this);
    this.#watches.add(watch);
    this.#timer ??= this.#nextInterval();
    return watch;
  }

  describe(): Description {
    return {
      name: "outlier-detection",
      options: outlierOptionsOf(this.settings),
      state: { endpoints: this.#watches.size, ejected: this.#ejected.size },
    };
  }

  hasRoom(): boolean {
    return this.#mayBe(this.#ejected.size + 1);
  }

  ejected(watch: OutlierWatch): void {
    this.#ejected.add(watch);
  }

  returned(watch: OutlierWatch): void {
    this.#ejected.delete(watch);
  }

  closed(watch: OutlierWatch): void {
    this.#watches.delete(watch);
    this.#ejected.delete(watch);
    if (this.#watches.size === 0 && this.#timer !== undefined) {
      this.#clock.clearTimer(this.#timer);
      this.#timer = undefined;
    }
    while (!this.#mayBe(this.#ejected.size)) this.#firstToReturn().comeBack();
  }

  /** Whether so many may be ejected at once. */
  #mayBe(ejected: number): boolean {
    const all = this.#watches.size;
    return (
      ejected === 0 || (ejected < all && (ejected === 1 || ejected / all <= this.settings.maxEjectedRatio))
    );
  }

  #firstToReturn(): OutlierWatch {
    return Array.from(this.#ejected).reduce((a, b) => (b.untilMs < a.untilMs ? b : a));
  }

  #nextInterval(): Timer {
    return this.#clock.setTimer(this.settings.intervalMs, () => this.#compare());
  }

  #compare(): void {
    const { minCalls, minEndpoints, deviations } = this.settings;
    // Set before anybody is told: a mistake in who listens does not end the detection, and who listens may close it.
    this.#timer = this.#nextInterval();
    // One that is ejected has none.
    const compared = Array.from(this.#watches).filter(({ calls }) => calls >= minCalls);
    const outliers = compared.length >= minEndpoints ? belowTheOthers(compared, deviations) : [];
    for (const watch of outliers) watch.stoodOut();
    for (const watch of this.#watches) watch.nextInterval();
  }
}
