import { type Fault, layer, type Layer, WaitList } from "@pagoda/core";
import { left } from "fp-ts/lib/Either.js";

/** As many calls are under way as are allowed. Nothing was sent, so it says nothing about the upstream. */
export interface CircuitBreakerRefused extends Fault<"CircuitBreakerRefused"> {
  readonly max: number;
}

export interface CircuitBreakerOptions {
  /** Calls at once, at least 1. */
  readonly max: number;
}

/**
 * Admits at most `max` calls at once; a further one is refused with {@link CircuitBreakerRefused}. Whoever wants to wait
 * asks `ready()` first.
 *
 * @throws RangeError when `max` is out of range.
 */
export function circuitBreaker({
  max,
}: CircuitBreakerOptions): Layer<unknown, unknown, CircuitBreakerRefused> {
  if (!(Number.isInteger(max) && max >= 1)) {
    throw new RangeError(`circuit-breaker: max is ${max}; valid is a whole number of at least 1`);
  }
  const refused: CircuitBreakerRefused = {
    _tag: "CircuitBreakerRefused",
    origin: "local",
    retryable: true,
    max,
  };

  return layer<unknown, unknown, CircuitBreakerRefused>("circuit-breaker", (inner) => {
    let inFlight = 0;
    const waiting = new WaitList(() => inFlight < max);
    const done = (): void => {
      inFlight--;
      waiting.wake();
    };

    return {
      options: { max },
      state: () => ({ inFlight, waiting: waiting.size }),
      // Its own readiness first, then inner's: both hold in the tick in which they are asked.
      ready: () => waiting.ready() ?? inner.ready(),
      call(request, signal) {
        if (inFlight >= max) return Promise.resolve(left(refused));
        inFlight++;
        return inner.call(request, signal).finally(done);
      },
    };
  });
}
