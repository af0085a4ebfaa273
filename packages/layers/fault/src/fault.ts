import {
  aborted,
  type Aborted,
  checkDuration,
  checkNumber,
  type Clock,
  defaultMaxWaitMs,
  type Fault,
  layer,
  type Layer,
  oneshot,
  pause,
  type Random,
  systemClock,
  systemRandom,
} from "@pagoda/core";
import { type Either, left } from "fp-ts/lib/Either.js";

/** The failure that was asked for. Of origin `upstream`, for that is what it plays: health and breakers count it. */
export interface Injected extends Fault<"Injected"> {
  readonly origin: "upstream";
  readonly retryable: true;
}

export interface Delay {
  /** The share of calls that are delayed: 0 to 1. */
  readonly ratio: number;
  /**
   * Milliseconds, 0 to 2,147,483,647. A function makes them of a number from 0 (included) to 1 (not included), evenly
   * spread: `(chance) => 10 + 90 * chance`.
   */
  readonly ms: number | ((chance: number) => number);
}

export interface Failure<Err = unknown> {
  /** The share of calls that fail: 0 to 1. */
  readonly ratio: number;
  /** Makes the error. Its origin says whether breakers and health count it. Default: {@link Injected}. */
  readonly error?: () => Err;
}

/** Told what happens, for metrics and logs. Must not throw. */
export interface FaultObserver {
  /** A call is held up for so many milliseconds. */
  readonly delayed?: (ms: number) => void;
  /** A call was ended with that error. */
  readonly failed?: (error: unknown) => void;
}

export interface FaultOptions<Late extends Delay = Delay, Broken extends Failure = Failure> {
  /** Default: none. */
  readonly delay?: Late;
  /** Default: none. A call that is delayed may fail, too, after its delay. */
  readonly failure?: Broken;
  readonly observer?: FaultObserver;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** The errors that a failure is told to raise. */
export type RaisedBy<Broken extends Failure> = Broken extends Failure
  ? Broken extends { readonly error: () => infer Err }
    ? Err
    : Broken extends { readonly error?: infer Make }
      ? Injected | (Make extends () => infer Err ? Err : never)
      : Injected
  : never;

/**
 * Delays a share of the calls and lets a share of them fail, to see what the rest of a stack makes of it. Failures
 * never reach inner. Each call draws three numbers, whatever becomes of it: with a seeded source the same calls are
 * hit in each run, and a changed delay does not change which calls fail.
 *
 * Put it where the trouble would come from: right around the leaf it plays a bad upstream, further out a bad stack.
 * `optional` leaves it out where it is not wanted.
 *
 * Errors: what `failure` raises, and with `delay` also `Aborted`, at once, when the caller leaves meanwhile. After a
 * delay inner is called when it is ready.
 *
 * Cost per call: about 30 ns for the three numbers; a delay costs a timer and an abort listener.
 *
 * Source: Envoy's fault filter, linkerd's fault injection.
 *
 * @throws RangeError when an option is out of range.
 */
export function fault<Late extends Delay = never, Broken extends Failure = never>(
  options: FaultOptions<Late, Broken>,
): Layer<unknown, unknown, ([Late] extends [never] ? never : Aborted) | RaisedBy<Broken>>;
export function fault({
  delay,
  failure,
  observer,
  clock = systemClock,
  random = systemRandom,
}: FaultOptions): Layer<unknown, unknown, unknown> {
  if (delay !== undefined) {
    checkNumber("fault: delay.ratio", delay.ratio, { min: 0, max: 1 });
    if (typeof delay.ms === "number") checkDuration("fault: delay.ms", delay.ms, { min: 0 });
  }
  if (failure !== undefined) checkNumber("fault: failure.ratio", failure.ratio, { min: 0, max: 1 });

  const injected: Injected = { _tag: "Injected", origin: "upstream", retryable: true };
  const delayRatio = delay?.ratio ?? 0;
  const failureRatio = failure?.ratio ?? 0;
  const make = failure?.error ?? (() => injected);

  function msOf(chance: number): number {
    const ms = delay?.ms ?? 0;
    if (typeof ms === "number") return ms;
    const drawnMs = ms(chance);
    checkDuration("fault: delay.ms", drawnMs, { min: 0 });
    return drawnMs;
  }

  return layer<unknown, unknown, unknown>("fault", (inner) => {
    let delayed = 0;
    let failed = 0;

    function fail(): Either<unknown, never> {
      const error = make();
      failed++;
      observer?.failed?.(error);
      return left(error);
    }

    return {
      options: {
        ...(delay && {
          delay: { ratio: delay.ratio, ms: typeof delay.ms === "number" ? delay.ms : "drawn" },
        }),
        ...(failure && { failure: { ratio: failure.ratio } }),
      },
      state: () => ({ delayed, failed }),
      call(request, signal) {
        try {
          const isLate = random() < delayRatio;
          const chance = random();
          const isBroken = random() < failureRatio;
          if (isLate) {
            const ms = msOf(chance);
            delayed++;
            observer?.delayed?.(ms);
            return pause(clock, ms, signal).then(() => {
              if (signal?.aborted) return left(aborted(signal));
              return isBroken
                ? fail()
                : oneshot(inner, request, signal, { maxWaitMs: defaultMaxWaitMs, clock });
            });
          }
          return isBroken ? Promise.resolve(fail()) : inner.call(request, signal);
        } catch (defect) {
          return Promise.reject(defect);
        }
      },
    };
  });
}
