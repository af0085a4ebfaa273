import { type Either, isLeft } from "../either.ts";
import { adapter, type Adapter, type Passes } from "../adapter.ts";
import type { LeftOf, RightOf } from "../service.ts";

/**
 * Continues with each response: another call, a check, anything that takes time or may fail. Errors
 * pass through.
 *
 * @example
 * builder.adapt(
 *   andThen(async (response: HttpResponse, signal) => {
 *     const sent = await response.body.text({ signal });
 *     return isLeft(sent) ? left(unreadable) : right(sent.right.length);
 *   }),
 * )
 *
 * @param next Returns the error as `Left`, or the new response as `Right`.
 */
export function andThen<Res, Next extends Either<unknown, unknown>>(
  next: (response: Res, signal?: AbortSignal) => Promise<Next>,
): Adapter<unknown, Passes<unknown>, Res, RightOf<Next>, LeftOf<Next>> {
  return adapter<unknown, Passes<unknown>, Res, RightOf<Next>, LeftOf<Next>>("and-then", (inner) => ({
    call: async (request, signal) => {
      const result = await inner.call(request, signal);
      return isLeft(result)
        ? result
        : (next(result.right, signal) as Promise<Either<LeftOf<Next>, RightOf<Next>>>);
    },
  }));
}

/**
 * Continues with each result, response or error: recovers from errors, or turns responses into
 * errors.
 *
 * This is Tower's `then`. A module must not export that name, because `await import()` would treat
 * the module as a promise.
 *
 * @param next Receives inner's result and returns the new result.
 */
export function thenResult<Err, Res, Next extends Either<unknown, unknown>>(
  next: (result: Either<Err, Res>, signal?: AbortSignal) => Promise<Next>,
): Adapter<unknown, Passes<unknown>, Res, RightOf<Next>, LeftOf<Next>, unknown, Err> {
  return adapter<unknown, Passes<unknown>, Res, RightOf<Next>, LeftOf<Next>, unknown, Err>(
    "then-result",
    (inner) => ({
      call: async (request, signal) =>
        next(await inner.call(request, signal), signal) as Promise<Either<LeftOf<Next>, RightOf<Next>>>,
    }),
  );
}
