import { checkDuration, defaultMaxWaitMs } from "@pagoda/core";

/** Shrinks how long a call may wait while the queue does not get empty. */
export interface Codel {
  /** How long a call may wait then: milliseconds, over 0, at most `intervalMs` and `maxWaitMs`. */
  readonly targetMs: number;
  /** How long the queue may go without being empty until then: milliseconds. */
  readonly intervalMs: number;
}

export interface PatienceOptions {
  readonly maxWaitMs?: number | undefined;
  readonly codel?: Codel | undefined;
}

/**
 * Says how long a call that joins the queue may wait. A queue that gets empty now and then absorbs bursts, so it may be
 * long. One that does not is standing: whatever it holds only adds latency, so its length should be short.
 */
export class Patience {
  readonly #usualMs: number;
  readonly #codel: Codel | undefined;
  #nonEmptySince = 0;

  constructor({ maxWaitMs, codel }: PatienceOptions) {
    this.#usualMs = usualWaitMs({ maxWaitMs, codel });
    this.#codel = codel;
  }

  /**
   * A call joins.
   *
   * @returns Milliseconds.
   */
  joined(now: number, isFirst: boolean): number {
    if (isFirst) this.#nonEmptySince = now;
    const codel = this.#codel;
    const stands = codel !== undefined && now - this.#nonEmptySince >= codel.intervalMs;
    return stands ? codel.targetMs : this.#usualMs;
  }
}

/** How long a call may wait while the queue does not stand: milliseconds. */
export function usualWaitMs({ maxWaitMs, codel }: PatienceOptions): number {
  return maxWaitMs ?? codel?.intervalMs ?? defaultMaxWaitMs;
}

/** Refuses times that make no sense. */
export function checkPatience({ maxWaitMs, codel }: PatienceOptions): void {
  if (maxWaitMs !== undefined) checkDuration("buffer: maxWaitMs", maxWaitMs);
  if (codel === undefined) return;
  const { intervalMs, targetMs } = codel;
  checkDuration("buffer: codel.intervalMs", intervalMs);
  checkDuration("buffer: codel.targetMs", targetMs, { above: 0, max: { "codel.intervalMs": intervalMs } });
  if (maxWaitMs !== undefined)
    checkDuration("buffer: codel.targetMs", targetMs, { above: 0, max: { maxWaitMs } });
}
