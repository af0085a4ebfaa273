import { isLeft, left, right } from "../either.ts";
import { adapter, type Adapter, type Passes } from "../adapter.ts";

/**
 * Changes each request on its way in, to another type or by adding properties. If the function
 * returns its request with properties added (`{ ...request, tenant }`), inner also sees the rest of
 * it; otherwise the result replaces the request.
 *
 * @example
 * new ServiceBuilder<string>().adapt(mapRequest((url) => httpRequest(url)))
 * new ServiceBuilder<HttpRequest>().adapt(mapRequest((request) => ({ ...request, tenant: tenantOf(request) })))
 */
export function mapRequest<Req, Changed>(
  change: (request: Req) => Changed,
): Adapter<Req, Changed extends Req ? Passes<Changed> : Changed, unknown, Passes<never>> {
  const made = adapter<Req, Changed, unknown, Passes<never>>(
    { name: "map-request", unguarded: true },
    (inner) => ({
      call: (request, signal) => inner.call(change(request), signal),
    }),
  );
  // The conditional type cannot be resolved before `Req` and `Changed` are known.
  return made as unknown as ReturnType<typeof mapRequest<Req, Changed>>;
}

/**
 * Changes each response on its way out.
 *
 * @example new ServiceBuilder<HttpRequest>().adapt(mapResponse((user: User) => json(user))).service(users)
 */
export function mapResponse<Res, Changed>(
  change: (response: Res) => Changed,
): Adapter<unknown, Passes<unknown>, Res, Changed> {
  return adapter<unknown, Passes<unknown>, Res, Changed>(
    { name: "map-response", unguarded: true },
    (inner) => ({
      call: (request, signal) =>
        inner.call(request, signal).then((result) => (isLeft(result) ? result : right(change(result.right)))),
    }),
  );
}

/**
 * Changes every error on its way out. An inner error that `change` does not accept is a compile
 * error.
 *
 * @example
 * new ServiceBuilder<HttpRequest>()
 *   .adapt(mapError((error: TimedOut | Refused) => new OriginFailed(error)))
 *   .layer(timeout({ ms: 1_000 }))
 *   .service(origin)
 */
export function mapError<Err, Changed>(
  change: (error: Err) => Changed,
): Adapter<unknown, Passes<unknown>, unknown, Passes<never>, Changed, unknown, Err> {
  return adapter<unknown, Passes<unknown>, unknown, Passes<never>, Changed, unknown, Err>(
    { name: "map-error", unguarded: true },
    (inner) => ({
      call: (request, signal) =>
        inner.call(request, signal).then((result) => (isLeft(result) ? left(change(result.left)) : result)),
    }),
  );
}
