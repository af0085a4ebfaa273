import { checkDuration, type Clock, type Fault, layer, type Layer, systemClock } from "@pagoda/core";
import { type Either, left } from "fp-ts/lib/Either.js";
import { Vigil } from "./vigil.ts";

/** What is inside has not been ready for too long. Nothing was sent, so it says nothing about the upstream. */
export interface FailedFast extends Fault<"FailedFast"> {
  readonly origin: "local";
  readonly retryable: true;
  /** For how long it had not been ready when the refusals began. */
  readonly afterMs: number;
  /** What was not ready, by the name that it describes itself with. */
  readonly inner: string;
}

/** Told what happens, for metrics and logs. Must not throw. */
export interface FailfastObserver {
  /** Inner has not been ready for so many milliseconds: from now on calls are refused. */
  readonly failing?: (afterMs: number) => void;
  /** Inner is ready again, after refusals for so many milliseconds. */
  readonly recovered?: (afterMs: number) => void;
  /** A call was refused. */
  readonly refused?: (fault: FailedFast) => void;
}

export interface FailfastOptions {
  /** Milliseconds for which inner may not be ready: more than 0, at most 2,147,483,647. Default 3,000. */
  readonly ms?: number;
  readonly observer?: FailfastObserver;
  readonly clock?: Clock;
}

/**
 * Bounds for how long all wait in vain: when inner has not been ready for `ms`, those who wait are let go and every
 * call is refused at once, until inner is ready again. Use it around what may stay not ready for long, such as a balancer
 * whose endpoints are all gone; a short wait passes unseen, which `loadShed` would refuse.
 *
 * It stands around a balancer, not inside of it: while it refuses it is ready, to do so. It stands inside of what waits
 * (a buffer, a retry), whose queue then empties.
 *
 * The time runs while somebody waits, and begins anew when one of them finds inner ready. While calls are refused, one
 * place is held in inner's queue, so that the end is seen though nobody waits: it outlives the calls. It ends when inner
 * is ready; until then it is a promise, and what inner does for those who wait (a breaker keeps its timer).
 *
 * Errors: {@link FailedFast}. A call made without asking while the time still runs goes to inner, which refuses it with
 * its own error: that says more.
 *
 * Cost per call: about 6 ns, it gives inner's own promise; for one that must wait, a place in a second queue. One timer
 * for all who wait.
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

  return layer<unknown, unknown, FailedFast>("failfast", (inner) => {
    let fault: FailedFast | undefined;
    let refused = 0;
    const vigil = new Vigil(inner, ms, clock, {
      failing: () => observer?.failing?.(ms),
      recovered: (afterMs) => observer?.recovered?.(afterMs),
    });

    function refuse(): Either<FailedFast, never> {
      // Made when it is needed: only then is inner sure to be complete.
      fault ??= {
        _tag: "FailedFast",
        origin: "local",
        retryable: true,
        afterMs: ms,
        inner: inner.describe().name,
      };
      refused++;
      observer?.refused?.(fault);
      return left(fault);
    }

    return {
      options: { ms },
      state: () => ({ ...vigil.state(), refused }),
      ready: () => vigil.ready(),
      call(request, signal) {
        if (vigil.isFailing) return Promise.resolve(refuse());
        try {
          return inner.call(request, signal);
        } catch (defect) {
          return Promise.reject(defect);
        }
      },
    };
  });
}
