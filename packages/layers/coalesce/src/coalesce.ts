import { type Fault, layer, type Layer, WaitList } from "@pagoda/core";
import { left } from "fp-ts/lib/Either.js";

/** As many calls are under way as are allowed. Nothing was sent, so it says nothing about the upstream. */
export interface CoalesceRefused extends Fault<"CoalesceRefused"> {
  readonly max: number;
}

export interface CoalesceOptions {
  /** Calls at once, at least 1. */
  readonly max: number;
}

/**
 * Admits at most `max` calls at once; a further one is refused with {@link CoalesceRefused}. Whoever wants to wait
 * asks `ready()` first.
 *
 * @throws RangeError when `max` is out of range.
 */
export function coalesce({ max }: CoalesceOptions): Layer<unknown, unknown, CoalesceRefused> {
  if (!(Number.isInteger(max) && max >= 1)) {
    throw new RangeError(`coalesce: max is ${max}; valid is a whole number of at least 1`);
  }
  const refused: CoalesceRefused = { _tag: "CoalesceRefused", origin: "local", retryable: true, max };

  return layer<unknown, unknown, CoalesceRefused>("coalesce", (inner) => {
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
