import { type Either, isLeft, type Left } from "../either.ts";
import { layer, type Layer } from "../layer.ts";
import type { LeftOf } from "../service.ts";

/**
 * Lets a request through or refuses it with a typed error. For asynchronous checks, such as a call
 * to another service, use `refine`.
 *
 * @param check Returns the error as `Left`, or the request for inner as `Right`.
 */
export function filter<Req, Checked extends Either<unknown, Req>>(
  check: (request: Req) => Checked,
): Layer<Req, unknown, LeftOf<Checked>> {
  return layer<Req, unknown, LeftOf<Checked>>({ name: "filter", unguarded: true }, (inner) => ({
    call(request, signal) {
      const checked: Either<unknown, Req> = check(request);
      if (isLeft(checked)) return Promise.resolve(checked as Left<LeftOf<Checked>>);
      return inner.call(checked.right, signal);
    },
  }));
}
