import {
  checkDuration,
  type Clock,
  type Either,
  type Fault,
  layer,
  type Layer,
  left,
  systemClock,
} from "@pagoda/core";
import { ReadyWatch } from "./ready-watch.ts";

/**
 * Inner has not been ready for too long. Nothing was sent, so it says nothing about the upstream.
 */
export interface FailedFast extends Fault<"FailedFast"> {
  readonly origin: "local";
  readonly retryable: true;
  /** How long inner had not been ready when calls began to fail fast, in milliseconds. */
  readonly afterMs: number;
  /** Name of the service that was not ready, from its description. */
  readonly inner: string;
}

/** Callbacks for metrics and logs. Must not throw. */
export interface FailfastObserver {
  /** Inner has not been ready for `afterMs`; calls fail fast from now on. */
  readonly failing?: (afterMs: number) => void;
  /** Inner is ready again, after failing fast for `afterMs`. */
  readonly recovered?: (afterMs: number) => void;
  /** A call was refused. */
  readonly refused?: (fault: FailedFast, request: unknown) => void;
}

/** Options of {@link failfast}. */
export interface FailfastOptions {
  /**
   * How long callers may wait for inner, in milliseconds: over 0, at most 2,147,483,647. Default
   * 3,000.
   */
  readonly ms?: number;
  readonly observer?: FailfastObserver;
  readonly clock?: Clock;
}

/**
 * Bounds how long callers wait for a service that does not become ready. When inner has not been
 * ready for `ms`, all waiting callers are released and every call fails at once, until inner is
 * ready again. Use it around a service that may stay unready for long, such as a balancer that has
 * lost all its endpoints. Unlike `loadShed` it tolerates a short wait.
 *
 * Place it around a balancer, not inside: while it fails fast it is ready, so it would attract
 * calls. Place it inside layers that wait (a buffer, a retry), whose queues then drain.
 *
 * The timer runs while callers wait, and restarts whenever one of them finds inner ready. While
 * failing fast, the layer holds one place in inner's queue to notice the recovery even if nobody
 * waits. The place outlives the calls and is given up when inner is ready. Until then it costs a
 * promise, and whatever inner does for a waiter (a circuit breaker keeps its timer).
 *
 * Errors: {@link FailedFast}. A call made without asking before the time expires goes to inner,
 * which refuses it with its own, more specific error.
 *
 * Cost per call: about 6 ns; it returns inner's promise. A call that must wait takes a place in a
 * second queue. One timer serves all waiters.
 *
 * Source: linkerd2-proxy's failfast.
 *
 * @throws RangeError when `ms` is out of range.
 */
export function failfast({ ms = 3_000, observer, clock = systemClock }: FailfastOptions = {}): Layer<
  unknown,
  unknown,
  FailedFast
> {
  checkDuration("failfast: ms", ms);

  return layer<unknown, unknown, FailedFast>({ name: "failfast", unguarded: true }, (inner) => {
    let fault: FailedFast | undefined;
    let refused = 0;
    const watch = new ReadyWatch(inner, ms, clock, {
      failing: () => observer?.failing?.(ms),
      recovered: (afterMs) => observer?.recovered?.(afterMs),
    });

    function refuse(request: unknown): Either<FailedFast, never> {
      // Made on demand: inner may not be complete before.
      fault ??= {
        _tag: "FailedFast",
        origin: "local",
        retryable: true,
        afterMs: ms,
        inner: inner.describe().name,
      };
      refused++;
      observer?.refused?.(fault, request);
      return left(fault);
    }

    return {
      options: { ms },
      state: () => ({ ...watch.state(), refused }),
      ready: () => watch.ready(),
      call: (request, signal) =>
        watch.isFailing ? Promise.resolve(refuse(request)) : inner.call(request, signal),
    };
  });
}
