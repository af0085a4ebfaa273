import { type Either, isLeft, type Left, left } from "../either.ts";
import { aborted, type Aborted } from "../fault.ts";
import { layer, type Layer } from "../layer.ts";
import { checkMaxWait, defaultMaxWaitMs, oneshot, type Wait } from "../oneshot.ts";
import type { LeftOf, RightOf } from "../service.ts";

/**
 * Runs an asynchronous check before each call, such as authentication. Refuses the request with a
 * typed error, or lets it through with the result added, which inner layers then see on the
 * request. For checks without waiting, use `filter` and `mapRequest`.
 *
 * Inner is called in a later tick, when it may no longer be ready. The call then waits up to
 * `maxWaitMs` (default 3,000) and is made anyway, so that inner refuses it with its own error.
 * Place it where a wasted check is cheap: inside rate limits by address, and outside the limits on
 * calls to an upstream.
 *
 * Errors: those that `check` returns, and {@link Aborted}, in the tick of the abort, when the
 * caller aborts before inner is called. An error thrown by `check` is a defect.
 *
 * @example
 * refine(async (request: HttpRequest, signal) => {
 *   const user = await sessions.find(request.headers.get("cookie"), signal);
 *   return user === undefined ? left(unauthorized) : right({ ...request, user });
 * })
 *
 * @param check Returns the error as `Left`, or the request for inner as `Right`. It should stop
 * when the signal is aborted; its result is then dropped.
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

/** Resolves to `undefined` as soon as the signal is aborted. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T | undefined> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const leave = (): void => resolve(undefined);
    signal.addEventListener("abort", leave, { once: true });
    const settle = (): void => signal.removeEventListener("abort", leave);
    promise.finally(settle).then(resolve, reject);
  });
}
