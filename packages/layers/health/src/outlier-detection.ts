import type { Clock, Description, Endpoint, HealthSource, HealthWatch, Timer } from "@pagoda/core";
import {
  outlierSettings,
  type OutlierDetectionOptions,
  outlierOptionsOf,
  type OutlierSettings,
} from "./outlier-options.ts";
import { OutlierWatch, type Detector } from "./outlier-watch.ts";
import { outliersOf } from "./success-rate.ts";

/** A health source that learns from calls only. */
export interface OutlierDetection extends HealthSource {
  watch(endpoint: Endpoint, changed: () => void): HealthWatch;
  describe(): Description;
  /** Ends the ejection of an endpoint early. Returns false if it was not ejected. */
  endEjection(key: string): boolean;
}

/**
 * Ejects endpoints that fail more than the others. An ejected endpoint gets no calls for a while,
 * longer each time. An endpoint is ejected
 * - immediately after a number of consecutive failures;
 * - immediately after a number of consecutive retryable failures (off by default);
 * - at the end of an interval in which its success rate lies far below the mean of all.
 *
 * A success resets the counts. A `limited` result neither counts as a failure nor resets the
 * counts, and is not a success in the success rate. Local refusals are ignored. A failed connect is
 * a failure like any other: the origin of a fault separates local from upstream failures, so
 * Envoy's split is not needed. Calls to an ejected endpoint are ignored, whether they started
 * before the ejection or are made in panic mode.
 *
 * Use it wherever there are several endpoints: it sends no extra traffic and sees what no check
 * does. It learns only from calls, so add active checks for endpoints that get few. One source per
 * balancer.
 *
 * At most `maxEjectedRatio` of the endpoints are ejected at once, but one may always be, and one
 * always stays. A single endpoint is never ejected. When endpoints are removed and the share
 * exceeds the limit, those closest to their return come back early.
 *
 * Errors: none. Cost: about 10 ns per successful call, without reading the clock, and a comparison
 * of all rates per interval. One timer for the interval while endpoints are watched, and one per
 * ejected endpoint.
 *
 * Source: Envoy's outlier detection, and its defaults.
 *
 * @throws RangeError if an option is out of range.
 */
export function outlierDetection(options: OutlierDetectionOptions = {}): OutlierDetection {
  const detection = new Detection(outlierSettings(options));
  return {
    name: "outlier-detection",
    watch: (endpoint, changed) => detection.watch(endpoint, changed),
    describe: () => detection.describe(),
    endEjection: (key) => detection.endEjection(key),
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
    // How many may be ejected is known only once all endpoints have been added.
    if (!watch.healthy) queueMicrotask(() => this.#keepShare());
    return watch;
  }

  describe(): Description {
    return {
      name: "outlier-detection",
      options: outlierOptionsOf(this.settings),
      state: { endpoints: this.#watches.size, ejected: this.#ejected.size },
    };
  }

  endEjection(key: string): boolean {
    const ejected = Array.from(this.#ejected).filter((watch) => watch.key === key);
    for (const watch of ejected) watch.comeBack();
    return ejected.length > 0;
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
    this.#keepShare();
  }

  #keepShare(): void {
    while (!this.#mayBe(this.#ejected.size)) this.#firstToReturn().comeBack();
  }

  /** Whether this number of endpoints may be ejected at once. */
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
    // Scheduled before observers run: if one throws, detection continues, and it may close the
    // watch.
    this.#timer = this.#nextInterval();
    // Ejected endpoints have no calls.
    const compared = Array.from(this.#watches).filter(({ calls }) => calls >= minCalls);
    const outliers = compared.length >= minEndpoints ? outliersOf(compared, deviations) : [];
    for (const watch of outliers) watch.stoodOut();
    for (const watch of this.#watches) watch.nextInterval();
  }
}
