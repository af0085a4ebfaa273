import {
  Breaker,
  type CircuitOpen,
  circuitBreaker,
  type CircuitBreakerOptions,
} from "@pagoda/circuit-breaker";
import {
  type Classifier,
  faultClassifier,
  layer,
  type Layer,
  left,
  systemClock,
  type Timer,
  WaitList,
} from "@pagoda/core";

/** Counts local refusals as failures of the upstream. */
export function countsRefusals(options: CircuitBreakerOptions = {}): Layer<unknown, unknown, CircuitOpen> {
  return circuitBreaker({ ...options, classifier: ignoresOrigin(options.classifier) });
}

/** A classifier that ignores the origin of a fault. */
export function ignoresOrigin(classifier: Classifier = faultClassifier): Classifier {
  return {
    outcome(result) {
      const outcome = classifier.outcome(result);
      return outcome.kind === "neutral" ? { ...outcome, kind: "failure", retryable: true } : outcome;
    },
    discard: (response) => classifier.discard(response),
  };
}

interface Bugs {
  /** While half-open, admits every call until the first probe has ended. */
  readonly allProbe?: boolean;
  /** A probe with a neutral outcome keeps its slot. */
  readonly keepsSlots?: boolean;
}

/** A circuit breaker with a simpler queue than the real one and with the given bugs. */
export function brokenBreaker(bugs: Bugs) {
  return (options: CircuitBreakerOptions = {}): Layer<unknown, unknown, CircuitOpen> => {
    const { classifier = faultClassifier, clock = systemClock } = options;
    const open: CircuitOpen = { _tag: "CircuitOpen", origin: "local", retryable: true, reason: "broken" };
    return layer<unknown, unknown, CircuitOpen>("circuit-breaker", (inner) => {
      const breaker = new Breaker(options);
      const isHalfOpen = (): boolean => breaker.phase === "half-open" && breaker.retryAfterMs === 0;
      const admits = (): boolean => breaker.admits() || (bugs.allProbe === true && isHalfOpen());
      const list = new WaitList(admits, () => {
        if (timer !== undefined) clock.clearTimer(timer);
        timer = undefined;
      });
      let timer: Timer | undefined;
      let probe = -1;

      function wake(): void {
        list.wake();
        if (list.size === 0 || breaker.retryAfterMs === 0) return;
        timer ??= clock.setTimer(breaker.retryAfterMs, () => {
          timer = undefined;
          wake();
        });
      }

      return {
        state: () => breaker.state(),
        ready() {
          const turn = list.ready();
          if (turn !== undefined) queueMicrotask(wake);
          return turn ?? inner.ready();
        },
        async call(request, signal) {
          const own = breaker.admit();
          if (own !== undefined && breaker.phase === "half-open") probe = own;
          const ticket = own ?? (admits() ? probe : undefined);
          if (ticket === undefined) return left(open);
          let kind: ReturnType<Classifier["outcome"]>["kind"] = "neutral";
          try {
            const result = await inner.call(request, signal);
            ({ kind } = classifier.outcome(result));
            return result;
          } finally {
            if (kind !== "neutral" || bugs.keepsSlots !== true) breaker.record(ticket, kind);
            wake();
          }
        },
      };
    });
  };
}
