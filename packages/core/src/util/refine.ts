import { type Either, isLeft, type Left, left } from "fp-ts/lib/Either.js";
import { aborted, type Aborted } from "../fault.ts";
import { layer, type Layer } from "../layer.ts";
import { checkMaxWait, defaultMaxWaitMs, oneshot, type Wait } from "../readiness.ts";
import type { LeftOf, RightOf } from "../service.ts";

/**
 * Asks something before each call, such as who the client is: refuses the request with a typed error, or lets it through
 * with what was found out, which inner layers then see on it. `filter` and `mapRequest` do that for what needs no waiting.
 *
 * Inner is called in a later tick, when it may not be ready any more; then the call waits `maxWaitMs` for it, 3,000 unless
 * told otherwise, and is made all the same, for inner to say why. It stands where it costs nothing to ask in vain: inside
 * of rate limits by address, outside of what limits the calls to an upstream.
 *
 * Errors: those that `check` gives, and {@link Aborted}, in the tick of the abort, when the caller leaves before inner is
 * called. What `check` throws is a defect.
 *
 * @example
 * refine(async (request: HttpRequest, signal) => {
 *   const user = await sessions.find(request.headers.get("cookie"), signal);
 *   return user === undefined ? left(unauthorized) : right({ ...request, user });
 * })
 *
 * @param check Gives the error as `Left`, or the request to go on with as `Right`. It should end what it does when the
 * signal is aborted; its result is dropped then.
 * @throws RangeError when `maxWaitMs` is out of range.
 */
export function refine<Req, Checked extends Either<unknown, Req>>(
  check: (request: Req, signal?: AbortSignal) => Promise<Checked>,
  { maxWaitMs = defaultMaxWaitMs, clock }: Wait = {},
): Layer<Req, RightOf<Checked>, LeftOf<Checked> | Aborted> {
  checkMaxWait("refine", maxWaitMs);
  const wait: Wait = { maxWaitMs, ...(clock && { clock }) };
  return layer<Req, RightOf<Checked>, LeftOf<Checked> | Aborted>("refine", (inner) => ({
    options: { maxWaitMs },
    call: async (request, signal) => {
      if (signal?.aborted) return left(aborted(signal));
      const checked: Either<unknown, Req> | undefined = await unlessAborted(check(request, signal), signal);
      if (checked === undefined || signal?.aborted) return left(aborted(signal as AbortSignal));
      if (isLeft(checked)) return checked as Left<LeftOf<Checked>>;
      return oneshot(inner, checked.right as Req & RightOf<Checked>, signal, wait);
    },
  }));
}

/** `undefined` as soon as the signal is aborted. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T | undefined> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const leave = (): void => resolve(undefined);
    signal.addEventListener("abort", leave, { once: true });
    const settle = (): void => signal.removeEventListener("abort", leave);
    promise.finally(settle).then(resolve, reject);
  });
}
