import { checkDuration, defaultMaxWaitMs } from "@pagoda/core";

/** Shortens the maximum wait while the queue does not become empty. */
export interface Codel {
  /** Maximum wait then, in milliseconds: over 0, at most `intervalMs` and `maxWaitMs`. */
  readonly targetMs: number;
  /** How long the queue may stay non-empty until then, in milliseconds. */
  readonly intervalMs: number;
}

export interface MaxWaitOptions {
  readonly maxWaitMs?: number | undefined;
  readonly codel?: Codel | undefined;
}

/**
 * Bounds the wait of each call that joins the queue. A queue that becomes empty now and then
 * absorbs bursts and may be long. One that does not is a standing queue: it only adds latency, so
 * its waits should be short.
 */
export class MaxWait {
  readonly #normalMs: number;
  readonly #codel: Codel | undefined;
  #nonEmptySince = 0;

  constructor({ maxWaitMs, codel }: MaxWaitOptions) {
    this.#normalMs = normalWaitMs({ maxWaitMs, codel });
    this.#codel = codel;
  }

  /** Returns the maximum wait of a call that joins now, in milliseconds. */
  onJoin(now: number, isFirst: boolean): number {
    if (isFirst) this.#nonEmptySince = now;
    const codel = this.#codel;
    const stands = codel !== undefined && now - this.#nonEmptySince >= codel.intervalMs;
    return stands ? codel.targetMs : this.#normalMs;
  }
}

/** Returns the maximum wait in a queue that is not standing, in milliseconds. */
export function normalWaitMs({ maxWaitMs, codel }: MaxWaitOptions): number {
  return maxWaitMs ?? codel?.intervalMs ?? defaultMaxWaitMs;
}

/** @throws RangeError when an option is out of range. */
export function checkMaxWait({ maxWaitMs, codel }: MaxWaitOptions): void {
  if (maxWaitMs !== undefined) checkDuration("buffer: maxWaitMs", maxWaitMs);
  if (codel === undefined) return;
  const { intervalMs, targetMs } = codel;
  checkDuration("buffer: codel.intervalMs", intervalMs);
  checkDuration("buffer: codel.targetMs", targetMs, { above: 0, max: { "codel.intervalMs": intervalMs } });
  if (maxWaitMs !== undefined)
    checkDuration("buffer: codel.targetMs", targetMs, { above: 0, max: { maxWaitMs } });
}
