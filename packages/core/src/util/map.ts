import { type Either, isLeft, left, right } from "fp-ts/lib/Either.js";
import { layer, type Layer } from "../layer.ts";
import type { Service } from "../service.ts";

/**
 * Changes each request on its way in. Inner layers find on the request what the function added.
 *
 * @example mapRequest((request: HttpRequest) => ({ ...request, tenant: tenantOf(request) }))
 */
export function mapRequest<Req, Changed extends Req>(change: (request: Req) => Changed): Layer<Req, Changed> {
  return layer<Req, Changed>("map-request", (inner) => ({
    // Async, so that what a mistake in `change` throws becomes a rejection, as every defect does.
    call: async (request, signal) => inner.call(change(request) as Req & Changed, signal),
  }));
}

/**
 * Changes each response on its way out. It changes the type of a service's response, which no layer does: call it with the
 * service, it does not go into a `ServiceBuilder`.
 *
 * @example builder.service(mapResponse((user: User) => json(user))(users))
 */
export function mapResponse<Res, Changed>(
  change: (response: Res) => Changed,
): <Req, Err>(inner: Service<Req, Res, Err>) => Service<Req, Changed, Err> {
  return (inner) =>
    mapped("map-response", inner, (result) => (isLeft(result) ? result : right(change(result.right))));
}

/**
 * Changes each error on its way out. It takes all errors of a service, whatever they are: call it with the service, it does
 * not go into a `ServiceBuilder`.
 *
 * @example builder.service(mapError((error: Refused) => ({ ...error, retryable: false }))(origin))
 */
export function mapError<Err, Changed>(
  change: (error: Err) => Changed,
): <Req, Res>(inner: Service<Req, Res, Err>) => Service<Req, Res, Changed> {
  return (inner) =>
    mapped("map-error", inner, (result) => (isLeft(result) ? left(change(result.left)) : result));
}

function mapped<Req, Res, Err, Res2, Err2>(
  name: string,
  inner: Service<Req, Res, Err>,
  change: (result: Either<Err, Res>) => Either<Err2, Res2>,
): Service<Req, Res2, Err2> {
  return {
    ready: () => inner.ready(),
    call: (request, signal) => inner.call(request, signal).then(change),
    describe: () => ({ name, inner: [inner.describe()] }),
  };
}
