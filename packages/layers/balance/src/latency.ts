import type { Json, Outcome } from "@pagoda/core";
import type { Load } from "./strategy.ts";

/** A failure counts as if it had taken this long at least: linkerd's load biaser. */
const failureMs = 5_000;
/** An upstream that asks to be left alone is believed up to this: linkerd's load biaser. */
const maxRetryAfterMs = 300_000;

/**
 * The latency of one endpoint, for choosing: an average that follows a peak at once, and forgets it slowly.
 *
 * What a call would meet fades while nothing is heard, so that an endpoint that was slow is tried again. Finagle and
 * Tower let it fade all the time; then an endpoint that hangs looks better and better, and gets calls by the thousand.
 * Here it fades from the last call that began or ended, so whoever tries it again tries it with one call. And as long
 * as no call ends of those under way, that silence counts as a latency.
 */
export class Latency implements Load {
  readonly #decayMs: number;
  #estimateMs: number;
  #hasSample = false;
  /** When a call last counted. */
  #sampledMs: number;
  /** When a call last began or ended. */
  #heardMs: number;
  /** Since then some call has been under way without a break: it has taken that long at least. */
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
    // Those still under way began before this moment, whenever that was.
    this.#silentSinceMs = nowMs;
    this.#heardMs = nowMs;
    if (wasAborted) {
      // It would have taken longer: that can only raise the estimate.
      if (ms >= this.#estimateMs) this.#sample(ms, nowMs);
    } else if (kind === "success") {
      this.#sample(ms, nowMs);
    } else if (kind !== "neutral") {
      // Whoever asks for fewer calls is well, but must not look fast for that.
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

/** e^-x, and where that is nearly 1, as for an endpoint that is in use, a third of its price at seven exact digits. */
function fade(x: number): number {
  return x < 0.01 ? 1 - x + (x * x) / 2 : Math.exp(-x);
}
