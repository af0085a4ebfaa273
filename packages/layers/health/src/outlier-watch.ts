import type { HealthWatch, Json, Outcome, Timer } from "@pagoda/core";
import type { Ejection, Term } from "./ejections.ts";
import type { OutlierSettings } from "./outlier-options.ts";
import type { Tally } from "./success-rate.ts";

/** Shared by the watches of one source. */
export interface Detector {
  readonly settings: OutlierSettings;
  /** Whether another endpoint may be ejected. */
  hasRoom(): boolean;
  ejected(watch: OutlierWatch): void;
  returned(watch: OutlierWatch): void;
  closed(watch: OutlierWatch): void;
}

/** One endpoint: counts its calls and tracks its ejection. */
export class OutlierWatch implements HealthWatch, Tally {
  readonly key: string;
  /** In the current interval. */
  calls = 0;
  successes = 0;
  readonly #detector: Detector;
  readonly #changed: () => void;
  readonly #most: number;
  readonly #mostGateway: number;
  #failures = 0;
  #gatewayFailures = 0;
  /** Results count now: the endpoint is neither ejected nor removed. */
  #isCounting = true;
  #ejection: Ejection | undefined;
  #timer: Timer | undefined;
  #untilMs = 0;
  /** Ejections, less the intervals without trouble. */
  #times = 0;
  /** It was ejected or an outlier at some point in this interval. */
  #wasIll = false;

  constructor(key: string, changed: () => void, detector: Detector) {
    this.key = key;
    this.#changed = changed;
    this.#detector = detector;
    this.#most = detector.settings.consecutiveFailures;
    this.#mostGateway = detector.settings.consecutiveGatewayFailures;
    const { clock, ejections } = detector.settings;
    const term = ejections?.of(key, clock.now());
    if (term !== undefined) this.#begin(term, clock.now());
  }

  get healthy(): boolean {
    return this.#ejection === undefined;
  }

  get reason(): string | undefined {
    return this.#ejection?.reason;
  }

  /** When the ejection ends, by the clock's `now()`. */
  get untilMs(): number {
    return this.#untilMs;
  }

  ended({ kind, retryable }: Outcome, call?: unknown): void {
    if (kind === "neutral" || !this.#isCounting) return;
    this.calls++;
    if (kind === "success") {
      this.successes++;
      this.#failures = 0;
      this.#gatewayFailures = 0;
    } else if (kind === "failure") {
      this.#failures++;
      this.#gatewayFailures = retryable ? this.#gatewayFailures + 1 : 0;
      if (this.#failures >= this.#most)
        this.#eject(
          { reason: "consecutive-failures", failures: this.#failures },
          this.#failures === this.#most,
          call,
        );
      else if (this.#gatewayFailures >= this.#mostGateway) {
        this.#eject(
          { reason: "consecutive-gateway-failures", failures: this.#gatewayFailures },
          this.#gatewayFailures === this.#mostGateway,
          call,
        );
      }
    }
  }

  /** Its success rate is an outlier. */
  stoodOut(): void {
    if (this.#isCounting) this.#eject({ reason: "success-rate" }, true);
  }

  /** Ends the interval. */
  nextInterval(): void {
    this.calls = 0;
    this.successes = 0;
    if (this.healthy && !this.#wasIll) this.#times = Math.max(0, this.#times - 1);
    this.#wasIll = !this.healthy;
  }

  /** It gets calls again. */
  comeBack(): void {
    this.#end();
    this.#isCounting = true;
    const { ejections, observer } = this.#detector.settings;
    ejections?.end(this.key);
    this.#detector.returned(this);
    observer?.returned?.(this.key);
    this.#changed();
  }

  state(): { readonly [name: string]: Json } {
    const ejection = this.#ejection;
    return {
      healthy: this.healthy,
      ...(ejection && {
        reason: ejection.reason,
        ejectedForMs: ejection.forMs,
        returnsInMs: Math.max(0, this.#untilMs - this.#detector.settings.clock.now()),
      }),
      times: this.#times,
      consecutiveFailures: this.#failures,
      calls: this.calls,
      successes: this.successes,
    };
  }

  close(): void {
    this.#end();
    this.#isCounting = false;
    this.#detector.closed(this);
  }

  /**
   * @param isNew It was not an outlier before this call. Otherwise `overflowed` is not reported again.
   */
  #eject(cause: Pick<Ejection, "reason" | "failures">, isNew: boolean, call?: unknown): void {
    const { clock, ejectionMs, maxEjectionMs, ejections, observer } = this.#detector.settings;
    this.#wasIll = true;
    if (!this.#detector.hasRoom()) {
      if (isNew) observer?.overflowed?.(this.key, cause.reason);
      return;
    }
    // A higher count would not lengthen the ejection, only delay the decrease.
    this.#times = Math.min(this.#times + 1, Math.ceil(maxEjectionMs / ejectionMs));
    const forMs = Math.min(ejectionMs * this.#times, maxEjectionMs);
    const ejection: Ejection = { ...cause, forMs, times: this.#times };
    const now = clock.now();
    const term: Term = { ejection, untilMs: now + forMs };
    ejections?.add(this.key, term, now);
    this.#begin(term, now);
    observer?.ejected?.(this.key, ejection, call);
    this.#changed();
  }

  #begin({ ejection, untilMs }: Term, now: number): void {
    this.#ejection = ejection;
    this.#times = ejection.times;
    this.#isCounting = false;
    this.#wasIll = true;
    this.#forget();
    this.#untilMs = untilMs;
    this.#timer = this.#detector.settings.clock.setTimer(untilMs - now, () => this.comeBack());
    this.#detector.ejected(this);
  }

  #end(): void {
    if (this.#timer !== undefined) this.#detector.settings.clock.clearTimer(this.#timer);
    this.#timer = undefined;
    this.#ejection = undefined;
  }

  #forget(): void {
    this.calls = 0;
    this.successes = 0;
    this.#failures = 0;
    this.#gatewayFailures = 0;
  }
}
