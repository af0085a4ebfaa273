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

/**
 * The upstream has failed too often, and calls are refused. Nothing was sent, so this is not
 * another failure of it.
 */
export interface CircuitOpen extends Fault<"CircuitOpen"> {
  readonly origin: "local";
  readonly retryable: true;
  /** Milliseconds until the next probe; absent while probes in flight decide. */
  readonly retryAfterMs?: number | undefined;
  /**
   * Why it opened: `consecutive-failures`, `success-rate`, `probe-failed`, or the reason of a
   * custom trip.
   */
  readonly reason: string;
}

/** Callbacks for metrics and logs. Must not throw. */
export interface CircuitBreakerObserver extends BreakerObserver {
  /** A call was refused. */
  readonly refused?: (fault: CircuitOpen) => void;
}

/** Options of {@link circuitBreaker}. */
export interface CircuitBreakerOptions extends BreakerOptions {
  /** What a result says about the upstream. Default: `responseClassifier()`. */
  readonly classifier?: Classifier;
  /**
   * A breaker shared with other layers. Its own options then apply instead of those of the layer.
   * Default: one per service.
   */
  readonly breaker?: Breaker;
  readonly observer?: CircuitBreakerObserver;
}

/**
 * Stops calling a failing upstream. After several failures in a row, or when too few calls succeed,
 * it refuses all calls for a time, then lets a probe through to decide. Callers fail fast, and the
 * upstream can recover without load. Each service has its own breaker.
 *
 * Place it around a single upstream, so inside a balancer: an open breaker is not ready, and the
 * balancer skips it. Place it outside a timeout, so that a call that times out counts as a failure.
 * A probe that is never answered passes its slot on after `probeMs`. A response counts when its
 * body ends, as a failure if the body breaks. Local refusals further in, aborted calls and defects
 * do not count.
 *
 * Errors: {@link CircuitOpen}, for a call made while the breaker is open or its probes are in
 * flight. Callers that ask `ready()` wait instead, first come, first served, for the end of the
 * open time and then for the probes.
 *
 * Cost per call: about 140 ns, 70 with `consecutiveFailures` alone, since the success rate reads
 * the clock. So does a refusal.
 *
 * Source: Finagle's failure accrual; M. Nygard, Release It! (2007).
 *
 * @throws RangeError when an option is out of range.
 */
export function circuitBreaker(options: CircuitBreakerOptions = {}): Layer<unknown, unknown, CircuitOpen> {
  const settings = checked(options);
  const { classifier = responseClassifier({ clock: settings.clock }), breaker: shared, observer } = options;

  return layer<unknown, unknown, CircuitOpen>({ name: "circuit-breaker", unguarded: true }, (inner) => {
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
        else breaker.record(ticket, kind);
        breaker.changed();
      }
    }

    /**
     * Returns whether the outcome of a successful response is decided only at the end of its body.
     */
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
      // The breaker first, then inner: both must be ready in the same tick.
      ready: () => waiting.ready() ?? inner.ready(),
      call(request, signal) {
        const ticket = breaker.admit();
        if (ticket === undefined) return Promise.resolve(left(refuse()));
        let answer: ReturnType<typeof inner.call>;
        try {
          answer = inner.call(request, signal);
        } catch (defect) {
          ended(ticket);
          throw defect;
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
