import { type Either, left } from "./either.ts";
import { type Clock, systemClock } from "./clock.ts";
import { aborted, type Aborted } from "./fault.ts";
import { checkDuration } from "./options.ts";
import { isReady, whenReady } from "./readiness.ts";
import { Scope } from "./scope.ts";
import type { Service } from "./service.ts";

/** Limits how long a call waits for readiness. */
export interface Wait {
  /** Milliseconds, from 0 (not at all) to 2,147,483,647. */
  readonly maxWaitMs?: number;
  readonly clock?: Clock;
}

/**
 * How long layers that call inner in a later tick wait for its readiness by default: as long as
 * linkerd waits for an upstream before it fails fast. Long enough for a slot to become free, too
 * short for an open circuit to close.
 */
export const defaultMaxWaitMs = 3_000;

/**
 * Calls a service as soon as it is ready.
 *
 * With `maxWaitMs` it waits at most that long, then calls anyway: a service that is not ready
 * refuses with its own error, which states the reason (`CircuitOpen`, `ConcurrencyLimited`).
 * Without `maxWaitMs` it waits until the signal is aborted, which for an open circuit may take
 * minutes.
 *
 * @returns The call's result, or {@link Aborted} when the signal was aborted before the service
 * became ready.
 * @throws RangeError (as a rejection) when `maxWaitMs` is out of range.
 */
export async function oneshot<Req, Res, Err>(
  service: Service<Req, Res, Err>,
  request: Req,
  signal?: AbortSignal,
  { maxWaitMs, clock = systemClock }: Wait = {},
): Promise<Either<Err | Aborted, Res>> {
  const call = (): Promise<Either<Err, Res>> => service.call(request, signal);
  if (maxWaitMs === undefined || isReady(service)) {
    const result = await whenReady(service, call, signal);
    // Only an aborted signal leads to `undefined`: a call always returns an Either.
    return result ?? left(aborted(signal as AbortSignal));
  }
  checkMaxWait("oneshot", maxWaitMs);
  const patience = new Scope(signal);
  const timer = clock.setTimer(maxWaitMs, () => patience.abort());
  // Only the wait is bounded: it is over when the call begins.
  const begin = (): { readonly answer: Promise<Either<Err, Res>> } => {
    clock.clearTimer(timer);
    patience.end();
    return { answer: call() };
  };
  try {
    const begun = await whenReady(service, begin, patience.signal);
    if (begun !== undefined) return await begun.answer;
  } finally {
    clock.clearTimer(timer);
    patience.end();
  }
  return signal?.aborted ? left(aborted(signal)) : call();
}

/** @throws RangeError when `maxWaitMs` is not a delay that timers support. */
export function checkMaxWait(of: string, maxWaitMs: number): void {
  checkDuration(`${of}: maxWaitMs`, maxWaitMs, { min: 0 });
}
