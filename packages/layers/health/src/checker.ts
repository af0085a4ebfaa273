import {
  type Endpoint,
  type HealthWatch,
  isLeft,
  type Json,
  maxTimerMs,
  Scope,
  stallMs,
  type Timer,
} from "@pagoda/core";
import type { CheckSettings } from "./check-options.ts";
import { probeFailed, type ProbeResult, probeInconclusive } from "./probe.ts";

/** Checks one endpoint periodically, one check at a time. */
export class Checker<E extends Endpoint> implements HealthWatch {
  healthy: boolean;
  readonly #endpoint: E;
  readonly #settings: CheckSettings<E>;
  readonly #changed: () => void;
  readonly #gone: () => void;
  /** The check in progress. */
  #running: Scope | undefined;
  /** A timed-out check whose probe has not settled yet. */
  #hanging: Scope | undefined;
  /** Timeout of the check in progress, or start of the next one. */
  #timer: Timer | undefined;
  #startedMs = 0;
  #hasPassed = false;
  /** The state was reported at least once. */
  #isReported = false;
  #isClosed = false;
  #successes = 0;
  #failures = 0;
  #reason: string | null = null;
  #durationMs: number | null = null;

  constructor(endpoint: E, settings: CheckSettings<E>, changed: () => void, gone: () => void) {
    this.healthy = settings.initiallyHealthy;
    this.#endpoint = endpoint;
    this.#settings = settings;
    this.#changed = changed;
    this.#gone = gone;
    this.#check();
  }

  get reason(): string | undefined {
    return this.#reason ?? undefined;
  }

  state(): { readonly [name: string]: Json } {
    return {
      healthy: this.healthy,
      consecutiveSuccesses: this.#successes,
      consecutiveFailures: this.#failures,
      reason: this.#reason,
      lastCheckMs: this.#durationMs,
    };
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#clearTimer();
    const running = this.#running;
    this.#running = undefined;
    running?.abort();
    this.#gone();
    this.#settings.probe.gone?.(this.#endpoint);
  }

  #check(): void {
    const { probe, timeoutMs, clock } = this.#settings;
    this.#startedMs = clock.now();
    if (this.#hanging !== undefined) {
      this.#ended(probeFailed("the previous check timed out and is still running"));
      return;
    }
    const scope = new Scope(undefined);
    scope.deadline = this.#startedMs + timeoutMs;
    this.#running = scope;
    this.#timer = clock.setTimer(timeoutMs, () => this.#late(scope));
    // Turns a synchronous throw into a rejection, so that nothing is reported before `watch`
    // returns.
    new Promise<ProbeResult>((resolve) => resolve(probe(this.#endpoint, scope.signal))).then(
      (result) => this.#settled(scope, result),
      (defect: unknown) => this.#broke(scope, defect),
    );
  }

  #late(scope: Scope): void {
    this.#hanging = scope;
    // Cleared before the abort: whatever the abort triggers must already count as late.
    this.#running = undefined;
    scope.abort();
    const { timeoutMs, clock } = this.#settings;
    const reason = `no result within ${timeoutMs} ms`;
    const lateMs = clock.now() - this.#startedMs - timeoutMs;
    this.#ended(
      lateMs > stallMs ? probeInconclusive(`${reason}: this process was stalled`) : probeFailed(reason),
    );
  }

  #settled(scope: Scope, result: ProbeResult): void {
    if (this.#isOver(scope)) return;
    this.#ended(result);
  }

  #broke(scope: Scope, defect: unknown): void {
    // A rejection caused by the abort is not a defect.
    if (this.#isOver(scope)) return;
    this.#settings.observer?.defect?.(this.#endpoint.key, defect);
    const message = defect instanceof Error ? defect.message : String(defect);
    this.#ended(probeFailed(`probe threw: ${message}`, defect));
  }

  #isOver(scope: Scope): boolean {
    if (this.#hanging === scope) this.#hanging = undefined;
    if (this.#running !== scope) return true;
    this.#running = undefined;
    return false;
  }

  #ended(result: ProbeResult): void {
    if (this.#isClosed) return;
    const { healthyThreshold, unhealthyThreshold, clock, observer } = this.#settings;
    const durationMs = clock.now() - this.#startedMs;
    const failure = isLeft(result) ? result.left : undefined;
    const wasHealthy = this.healthy;
    this.#durationMs = durationMs;
    this.#reason = failure?.reason ?? null;
    if (failure === undefined) {
      this.#successes++;
      this.#failures = 0;
      if (!this.#hasPassed || this.#successes >= healthyThreshold) this.healthy = true;
      this.#hasPassed = true;
    } else if (failure.origin === "upstream") {
      this.#failures++;
      this.#successes = 0;
      if (this.#failures >= unhealthyThreshold) this.healthy = false;
    }
    // Scheduled before the observer runs: if it throws, checks continue, and it may close this
    // checker.
    this.#next();
    const { key } = this.#endpoint;
    observer?.checked?.(key, { durationMs, ...(failure && { failure }) });
    if (this.#isClosed) return;
    const isFirst = !this.#isReported && failure?.origin === "upstream" && !this.healthy;
    if (this.healthy === wasHealthy && !isFirst) return;
    this.#isReported = true;
    observer?.changed?.(key, this.healthy, this.healthy ? undefined : failure?.reason);
    if (this.healthy !== wasHealthy) this.#changed();
  }

  #next(): void {
    const { intervalMs, unhealthyIntervalMs, jitterRatio, clock, random } = this.#settings;
    const ms = (this.healthy ? intervalMs : unhealthyIntervalMs) * (1 + jitterRatio * (2 * random() - 1));
    this.#clearTimer();
    this.#timer = clock.setTimer(Math.min(ms, maxTimerMs), () => this.#check());
  }

  #clearTimer(): void {
    if (this.#timer !== undefined) this.#settings.clock.clearTimer(this.#timer);
    this.#timer = undefined;
  }
}
