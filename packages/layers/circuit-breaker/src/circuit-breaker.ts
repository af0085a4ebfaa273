import {
  type Classifier,
  type Fault,
  layer,
  type Layer,
  type Outcome,
  responseClassifier,
} from "@pagoda/core";
import { type Either, isRight, left } from "fp-ts/lib/Either.js";
import { Breaker } from "./breaker.ts";
import { type BreakerObserver, type BreakerOptions, checked } from "./options.ts";
import { Waiting } from "./waiting.ts";

/** The upstream has failed too often, and is left alone. Nothing was sent, so it does not count against it again. */
export interface CircuitOpen extends Fault<"CircuitOpen"> {
  readonly origin: "local";
  readonly retryable: true;
  /** Milliseconds until a probe may go; absent while probes under way decide. */
  readonly retryAfterMs?: number | undefined;
  /** Why it opened: `consecutive-failures`, `success-rate`, `probe-failed`, or what an own trip says. */
  readonly reason: string;
}

/** Told what happens, for metrics and logs. Must not throw. */
export interface CircuitBreakerObserver extends BreakerObserver {
  /** A call was refused. */
  readonly refused?: (fault: CircuitOpen) => void;
}

export interface CircuitBreakerOptions extends BreakerOptions {
  /** What a result says about the upstream. Default: `responseClassifier()`. */
  readonly classifier?: Classifier;
  /**
   * The breaker. Layers given the same one share it, and all that is said of it above is said where it is made. Default:
   * each service has its own.
   */
  readonly breaker?: Breaker;
  readonly observer?: CircuitBreakerObserver;
}

/**
 * Leaves an upstream alone that fails: after several failures in a row, or when too few calls succeed, it refuses all
 * calls for a time, then lets a probe through that decides. Use it so that callers learn at once what they would learn
 * late, and so that an upstream that is down is not held down by calls. Each service that the layer is put around has a
 * breaker of its own.
 *
 * It stands around one upstream, so inside of a balancer: an open one is not ready, and the balancer passes it over. It
 * stands outside of a timeout, so that what takes too long is a failure; a probe that is never answered gives its slot to
 * another after `probeMs`. A response counts when its body has ended, as a failure where that breaks. Local refusals
 * further in and aborted calls say nothing about the upstream and do not count; neither does a defect.
 *
 * Errors: {@link CircuitOpen}, for a call made while it is open, or while the probes are under way. Whoever asks
 * `ready()` waits instead, first come first served: until the time is over, then for the probes.
 *
 * Cost per call: about 140 ns, with `consecutiveFailures` alone 70: the success rate reads the clock. So does a refusal.
 *
 * Source: Finagle's failure accrual; M. Nygard, Release It! (2007).
 *
 * @throws RangeError when an option is out of range.
 */
export function circuitBreaker(options: CircuitBreakerOptions = {}): Layer<unknown, unknown, CircuitOpen> {
  const settings = checked(options);
  const { classifier = responseClassifier({ clock: settings.clock }), breaker: shared, observer } = options;

  return layer<unknown, unknown, CircuitOpen>("circuit-breaker", (inner) => {
    const breaker = shared ?? new Breaker(settings);
    const waiting = new Waiting(breaker, settings.clock);

    function ended(ticket: number, result?: Either<unknown, unknown>): void {
      let kind: Outcome["kind"] = "neutral";
      let isUnderWay = false;
      try {
        if (result === undefined) return;
        ({ kind } = classifier.outcome(result));
        isUnderWay = kind === "success" && isRight(result) && follows(ticket, result.right);
      } finally {
        if (isUnderWay) breaker.answered(ticket);
        else breaker.heard(ticket, kind);
        breaker.changed();
      }
    }

    /** Whether a response that goes well so far has yet to say how well it went, with the end of its body. */
    function follows(ticket: number, response: unknown): boolean {
      return (
        classifier.follow?.(response, (outcome) => {
          breaker.ended(ticket, outcome.kind);
          breaker.changed();
        }) === true
      );
    }

    function refuse(): CircuitOpen {
      const { reason, retryAfterMs } = breaker;
      const fault: CircuitOpen = {
        _tag: "CircuitOpen",
        origin: "local",
        retryable: true,
        retryAfterMs: retryAfterMs === 0 ? undefined : retryAfterMs,
        reason,
      };
      observer?.refused?.(fault);
      return fault;
    }

    return {
      options: breaker.options,
      state: () => ({ ...breaker.state(), waiting: waiting.size }),
      // Its own readiness first, then inner's: both hold in the tick in which they are asked.
      ready: () => waiting.ready() ?? inner.ready(),
      call(request, signal) {
        const ticket = breaker.admit();
        if (ticket === undefined) return Promise.resolve(left(refuse()));
        let answer: ReturnType<typeof inner.call>;
        try {
          answer = inner.call(request, signal);
        } catch (defect) {
          ended(ticket);
          return Promise.reject(defect);
        }
        return answer.then(
          (result) => {
            ended(ticket, result);
            return result;
          },
          (defect: unknown) => {
            ended(ticket);
            throw defect;
          },
        );
      },
    };
  });
}
