import {
  type Classifier,
  type Either,
  type Fault,
  isRight,
  layer,
  type Layer,
  left,
  type Outcome,
  TimedWaitList,
  defaultClassifier,
} from "@pagoda/core";
import { Breaker } from "./breaker.ts";
import { type BreakerObserver, type BreakerOptions, checked } from "./options.ts";

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
  readonly refused?: (fault: CircuitOpen, request: unknown) => void;
}

/** Options of {@link circuitBreaker}. */
export interface CircuitBreakerOptions extends BreakerOptions {
  /** What a result says about the upstream. Default: `defaultClassifier()`. */
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
 * Cost per call: about 90 ns, most of it for a promise. A refusal reads the clock.
 *
 * Source: Finagle's failure accrual; M. Nygard, Release It! (2007).
 *
 * @throws RangeError when an option is out of range.
 */
export function circuitBreaker(options: CircuitBreakerOptions = {}): Layer<unknown, unknown, CircuitOpen> {
  const settings = checked(options);
  const { classifier = defaultClassifier(settings.clock), breaker: shared, observer } = options;

  return layer<unknown, unknown, CircuitOpen>({ name: "circuit-breaker", unguarded: true }, (inner) => {
    const breaker = shared ?? new Breaker(settings);
    const waiting = new TimedWaitList(settings.clock, () => breaker.admitsInMs);

    function refuse(request: unknown): CircuitOpen {
      const { reason, retryAfterMs } = breaker;
      const fault: CircuitOpen = {
        _tag: "CircuitOpen",
        origin: "local",
        retryable: true,
        retryAfterMs: retryAfterMs === 0 ? undefined : retryAfterMs,
        reason,
      };
      observer?.refused?.(fault, request);
      return fault;
    }

    function settled(ticket: number, result: Either<unknown, unknown>, request: unknown): void {
      let kind: Outcome["kind"] = "neutral";
      let isUnderWay = false;
      try {
        ({ kind } = classifier.outcome(result));
        // The outcome of a response may be decided only at the end of its body.
        if (kind === "success" && isRight(result))
          isUnderWay = classifier.follow?.(result.right, bodyEnded(ticket, request)) === true;
      } finally {
        if (isUnderWay) {
          breaker.answered(ticket);
          breaker.changed();
        } else record(ticket, kind, request);
      }
    }

    function bodyEnded(ticket: number, request: unknown): (outcome: Outcome) => void {
      return ({ kind }) => {
        breaker.ended(ticket, kind, request);
        breaker.changed();
      };
    }

    function record(ticket: number, kind: Outcome["kind"], request: unknown): void {
      breaker.record(ticket, kind, request);
      breaker.changed();
    }

    return {
      options: breaker.options,
      state: () => ({ ...breaker.state(), waiting: waiting.size }),
      // The breaker first, then inner: both must be ready in the same tick.
      ready() {
        const turn = waiting.ready();
        if (turn !== undefined) breaker.waiting.add(waiting);
        return turn ?? inner.ready();
      },
      call(request, signal) {
        const ticket = breaker.admit();
        if (ticket === undefined) return Promise.resolve(left(refuse(request)));
        const broke = (defect: unknown): never => {
          record(ticket, "neutral", request);
          throw defect;
        };
        try {
          return inner.call(request, signal).then((result) => {
            settled(ticket, result, request);
            return result;
          }, broke);
        } catch (defect) {
          return broke(defect);
        }
      },
    };
  });
}
