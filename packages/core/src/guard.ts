/**
 * The calls behind the guards. By the guard, not a property of the service: a copy of a service with
 * another `call` must not keep it.
 */
const bareCalls = new WeakMap<object, unknown>();

const AsyncFunction = (async () => {}).constructor;

/**
 * Returns a `call` that never throws: what the given one throws becomes a rejection, so that
 * callers only have to expect one of the two.
 */
export function guarded<Req, Signal, Result>(
  call: (request: Req, signal?: Signal) => Promise<Result>,
): (request: Req, signal?: Signal) => Promise<Result> {
  if (call.constructor === AsyncFunction || bareCalls.has(call)) return call;
  function guard(request: Req, signal?: Signal): Promise<Result> {
    try {
      return call(request, signal);
    } catch (defect) {
      return Promise.reject(defect);
    }
  }
  bareCalls.set(guard, call);
  return guard;
}

/**
 * Returns the service with a `call` that may throw its defects, as an unguarded part finds it. For
 * code that calls a service very often and catches.
 */
export function withoutGuard<
  S extends { readonly call: unknown; ready(): undefined | Promise<void>; describe(): unknown },
>(service: S): S;
export function withoutGuard<T, D>(service: {
  readonly call: T & object;
  ready(): undefined | Promise<void>;
  describe(): D;
}): unknown {
  const call = bareCalls.get(service.call);
  if (call === undefined) return service;
  return { ready: () => service.ready(), call, describe: () => service.describe() };
}
