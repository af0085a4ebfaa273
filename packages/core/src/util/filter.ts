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
    call: (request, signal) => {
      const checked = check(request);
      return isLeft(checked) ? Promise.resolve(checked) : inner.call(checked.right, signal);
    },
  }));
}
