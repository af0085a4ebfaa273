import type { Json, Outcome } from "@pagoda/core";
import type { Load } from "./strategy.ts";

/** Minimum latency that a failure counts as; from linkerd's load biaser. */
const failureMs = 5_000;
/** Maximum of a respected `Retry-After`; from linkerd's load biaser. */
const maxRetryAfterMs = 300_000;

/**
 * The peak EWMA of one endpoint's latency: an average that follows a peak at once and decays
 * slowly.
 *
 * The cost decays without news, so that an endpoint that was slow is tried again. In Finagle and
 * Tower it decays all the time, so an endpoint that hangs looks better and better, and gets
 * thousands of calls. Here it decays from the last start or end of a call, so it is tried again
 * with a single call. And while no pending call ends, that silence counts as a latency.
 */
export class Latency implements Load {
  readonly #decayMs: number;
  #estimateMs: number;
  #hasSample = false;
  /** Time of the last sample. */
  #sampledMs: number;
  /** Time of the last start or end of a call. */
  #heardMs: number;
  /** Since then, some call has been pending all the time, and so has taken at least that long. */
  #silentSinceMs: number;

  constructor(decayMs: number, initialMs: number, nowMs: number) {
    this.#decayMs = decayMs;
    this.#estimateMs = initialMs;
    this.#sampledMs = nowMs;
    this.#heardMs = nowMs;
    this.#silentSinceMs = nowMs;
  }

  cost(pending: number, nowMs: number): number {
    const silentMs = pending > 0 ? nowMs - this.#silentSinceMs : 0;
    const latencyMs = Math.max(this.#estimateMs, silentMs);
    return latencyMs * fade((nowMs - this.#heardMs) / this.#decayMs) * (pending + 1);
  }

  started(pending: number, nowMs: number): void {
    if (pending === 0) this.#silentSinceMs = nowMs;
    this.#heardMs = nowMs;
  }

  ended({ kind, retryAfterMs = 0 }: Outcome, ms: number, nowMs: number, wasAborted: boolean): void {
    // Calls still pending started before, but it is not known when.
    this.#silentSinceMs = nowMs;
    this.#heardMs = nowMs;
    if (wasAborted) {
      // It would have taken longer, so it can only raise the estimate.
      if (ms >= this.#estimateMs) this.#sample(ms, nowMs);
    } else if (kind === "success") {
      this.#sample(ms, nowMs);
    } else if (kind !== "neutral") {
      // An upstream that asks for fewer calls is healthy, but must not look fast.
      const leastMs = kind === "failure" ? failureMs : 0;
      const askedMs = Math.min(retryAfterMs, maxRetryAfterMs);
      this.#sample(Math.max(ms, leastMs, askedMs, this.#estimateMs), nowMs);
    }
  }

  get estimateMs(): number {
    return this.#estimateMs;
  }

  state(): { readonly [name: string]: Json } {
    return { estimateMs: this.#estimateMs };
  }

  #sample(ms: number, nowMs: number): void {
    if (!this.#hasSample || ms >= this.#estimateMs) {
      this.#estimateMs = ms;
    } else {
      const kept = Math.exp((this.#sampledMs - nowMs) / this.#decayMs);
      this.#estimateMs = this.#estimateMs * kept + ms * (1 - kept);
    }
    this.#hasSample = true;
    this.#sampledMs = nowMs;
  }
}

/**
 * Returns e^-x. Near 1, as for an endpoint in use, approximates it to seven digits at a third of
 * the cost.
 */
function fade(x: number): number {
  return x < 0.01 ? 1 - x + (x * x) / 2 : Math.exp(-x);
}
