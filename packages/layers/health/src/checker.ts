import {
  type Endpoint,
  type HealthWatch,
  heldUpMs,
  type Json,
  longestTimerMs,
  Scope,
  type Timer,
} from "@pagoda/core";
import { isLeft } from "fp-ts/lib/Either.js";
import type { CheckSettings } from "./check-options.ts";
import { illProbed, type ProbeResult, unprobed } from "./probe.ts";

/** Checks one endpoint again and again, one check at a time. */
export class Checker<E extends Endpoint> implements HealthWatch {
  healthy: boolean;
  readonly #endpoint: E;
  readonly #settings: CheckSettings<E>;
  readonly #changed: () => void;
  readonly #gone: () => void;
  /** The check that is waited for. */
  #running: Scope | undefined;
  /** The check that was given up, and whose probe has not settled. */
  #hanging: Scope | undefined;
  /** For the end of the running check, or the beginning of the next one. */
  #timer: Timer | undefined;
  #startedMs = 0;
  #hasPassed = false;
  /** Somebody has heard how it is. */
  #isTold = false;
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
      this.#ended(illProbed("the check before was given up and still runs"));
      return;
    }
    const scope = new Scope(undefined);
    scope.deadline = this.#startedMs + timeoutMs;
    this.#running = scope;
    this.#timer = clock.setTimer(timeoutMs, () => this.#late(scope));
    // A probe that throws becomes one that rejects: nobody is told of anything before `watch` has returned.
    new Promise<ProbeResult>((resolve) => resolve(probe(this.#endpoint, scope.signal))).then(
      (result) => this.#settled(scope, result),
      (defect: unknown) => this.#broke(scope, defect),
    );
  }

  #late(scope: Scope): void {
    this.#hanging = scope;
    // Before the abort, so that what it sets off is late already.
    this.#running = undefined;
    scope.abort();
    const { timeoutMs, clock } = this.#settings;
    const reason = `no result within ${timeoutMs} ms`;
    const lateMs = clock.now() - this.#startedMs - timeoutMs;
    this.#ended(lateMs > heldUpMs ? unprobed(`${reason}: this process was held up`) : illProbed(reason));
  }

  #settled(scope: Scope, result: ProbeResult): void {
    if (this.#isOver(scope)) return;
    this.#ended(result);
  }

  #broke(scope: Scope, defect: unknown): void {
    // What rejects because it was aborted is no mistake.
    if (this.#isOver(scope)) return;
    this.#settings.observer?.defect?.(this.#endpoint.key, defect);
    const message = defect instanceof Error ? defect.message : String(defect);
    this.#ended(illProbed(`the probe is broken: ${message}`, defect));
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
    // Set before anybody is told: a mistake in who listens does not end the checks, and who listens may close them.
    this.#next();
    const { key } = this.#endpoint;
    observer?.checked?.(key, { durationMs, ...(failure && { failure }) });
    if (this.#isClosed) return;
    const isFirst = !this.#isTold && failure?.origin === "upstream" && !this.healthy;
    if (this.healthy === wasHealthy && !isFirst) return;
    this.#isTold = true;
    observer?.changed?.(key, this.healthy, this.healthy ? undefined : failure?.reason);
    if (this.healthy !== wasHealthy) this.#changed();
  }

  #next(): void {
    const { intervalMs, unhealthyIntervalMs, jitterRatio, clock, random } = this.#settings;
    const ms = (this.healthy ? intervalMs : unhealthyIntervalMs) * (1 + jitterRatio * (2 * random() - 1));
    this.#clearTimer();
    this.#timer = clock.setTimer(Math.min(ms, longestTimerMs), () => this.#check());
  }

  #clearTimer(): void {
    if (this.#timer !== undefined) this.#settings.clock.clearTimer(this.#timer);
    this.#timer = undefined;
  }
}
