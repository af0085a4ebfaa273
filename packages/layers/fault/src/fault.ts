import {
  type Aborted,
  aborted,
  checkDuration,
  checkNumber,
  type Clock,
  defaultMaxWaitMs,
  type Either,
  type Fault,
  layer,
  type Layer,
  left,
  oneshot,
  pause,
  type Random,
  systemClock,
  systemRandom,
} from "@pagoda/core";

/** An injected failure. Its origin is `upstream`, so that health and circuit breakers count it. */
export interface Injected extends Fault<"Injected"> {
  readonly origin: "upstream";
  readonly retryable: true;
}

/** Which calls to delay, and how long. */
export interface Delay {
  /** Fraction of calls to delay: 0 to 1. */
  readonly ratio: number;
  /**
   * Length of the delay in milliseconds: 0 to 2,147,483,647. A function computes it from a
   * uniformly distributed number in [0, 1): `(chance) => 10 + 90 * chance`.
   */
  readonly ms: number | ((chance: number) => number);
}

/** Which calls to fail, and with which error. */
export interface Failure<Err = unknown> {
  /** Fraction of calls to fail: 0 to 1. */
  readonly ratio: number;
  /**
   * Makes the error. Its origin decides whether circuit breakers and health count it. Default:
   * {@link Injected}.
   */
  readonly error?: () => Err;
}

/** Callbacks for metrics and logs. Must not throw. */
export interface FaultObserver {
  /** A call is delayed by `ms`. */
  readonly delayed?: (ms: number, request: unknown) => void;
  /** A call was failed with `error`. */
  readonly failed?: (error: unknown, request: unknown) => void;
}

/** Options of {@link fault}. */
export interface FaultOptions<Late extends Delay = Delay, Broken extends Failure = Failure> {
  /** Default: none. */
  readonly delay?: Late;
  /** Default: none. A delayed call may also fail, after its delay. */
  readonly failure?: Broken;
  readonly observer?: FaultObserver;
  readonly clock?: Clock;
  readonly random?: Random;
}

/** The errors that a {@link Failure} raises. */
export type RaisedBy<Broken extends Failure> = Broken extends Failure
  ? Broken extends { readonly error: () => infer Err }
    ? Err
    : Broken extends { readonly error?: infer Make }
      ? Injected | (Make extends () => infer Err ? Err : never)
      : Injected
  : never;

/**
 * Injects delays and failures into a fraction of calls, to test how the rest of a stack handles
 * them. A failed call never reaches inner. Every call draws three random numbers: with a seeded
 * source the same calls are affected in each run, and changing the delay does not change which
 * calls fail.
 *
 * Place it where the trouble would arise: directly around the leaf it simulates a bad upstream,
 * further out a bad stack. Use `optional` to include it only on demand.
 *
 * Errors: what `failure` raises, and with `delay` also `Aborted` if the caller aborts during the
 * delay. After a delay, inner is called when it is ready.
 *
 * Cost per call: about 30 ns for the three numbers. A delay costs a timer and an abort listener.
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
    if (typeof delay.ms !== "function") checkDuration("fault: delay.ms", delay.ms, { min: 0 });
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

    function fail(request: unknown): Either<unknown, never> {
      const error = make();
      failed++;
      observer?.failed?.(error, request);
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
        const isLate = random() < delayRatio;
        const chance = random();
        const isBroken = random() < failureRatio;
        if (isLate) {
          const ms = msOf(chance);
          delayed++;
          observer?.delayed?.(ms, request);
          return pause(clock, ms, signal).then(() => {
            if (signal?.aborted) return left(aborted(signal));
            return isBroken
              ? fail(request)
              : oneshot(inner, request, signal, { maxWaitMs: defaultMaxWaitMs, clock });
          });
        }
        return isBroken ? Promise.resolve(fail(request)) : inner.call(request, signal);
      },
    };
  });
}
