import { type Either, isLeft } from "fp-ts/lib/Either.js";
import { layer, type Layer } from "../layer.ts";

/**
 * Lets a request through or refuses it with a typed error.
 *
 * @param check Gives the error as `Left`, or the request to go on with as `Right`.
 */
export function filter<Req, Refused>(
  check: (request: Req) => Either<Refused, Req>,
): Layer<Req, unknown, Refused> {
  return layer<Req, unknown, Refused>("filter", (inner) => ({
    // Async, so that what a mistake in `check` throws becomes a rejection, as every defect does.
    call: async (request, signal) => {
      const checked = check(request);
      return isLeft(checked) ? checked : inner.call(checked.right, signal);
    },
  }));
}
