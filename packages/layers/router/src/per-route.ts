import { type AnyLayer, anyReady, type Layer, rangeError, type Service } from "@pagoda/core";
import type { Route, Routed, SelectedRoute } from "./route.ts";
import type { RouteTable } from "./table.ts";

type Routable<C extends string, P> = Service<Routed<C, P>, unknown, unknown>;

/**
 * A layer of its own for each route, made once, so that limits, budgets and breakers are the route's. What it is made
 * of stands in the route's `policy`; `undefined` is no layer for that route. Routes that redirect or answer have none.
 *
 * It stands inside `router`, with the same table, anywhere among the layers that are for each call.
 *
 * It is ready as soon as the layer of any route is, so one that is busy does not hold up requests for the rest; a
 * request whose route is not ready gets that route's own refusal. To wait for a slow one, let `make` put the waiting
 * around it.
 *
 * Errors: those of the layers made. A request with a route of another table is a defect: the call rejects.
 *
 * Cost per call: one look-up in a `Map`.
 *
 * @param make Runs once for each route and each service that the layer is put around.
 */
export function perRoute<C extends string, P, Needs, Adds, Fails, Handles, Yields, Accepts>(
  table: RouteTable<C, P>,
  make: (route: Route<C, P>) => Layer<Needs, Adds, Fails, Handles, Yields, Accepts>,
): Layer<Routed<C, P> & Needs, Adds, Fails, Handles, Yields, Accepts>;
/** Where some routes have no layer, nobody can count on what it adds or handles. */
export function perRoute<C extends string, P, Needs, Fails, Yields, Accepts>(
  table: RouteTable<C, P>,
  make: (route: Route<C, P>) => Layer<Needs, unknown, Fails, never, Yields, Accepts> | undefined,
): Layer<Routed<C, P> & Needs, unknown, Fails, never, Yields, Accepts>;
export function perRoute<C extends string, P>(
  table: RouteTable<C, P>,
  make: (route: Route<C, P>) => AnyLayer<never> | undefined,
): AnyLayer<never> {
  const routes = table.routes.filter((route) => table.selectedOf(route).length > 0);
  // Not by core's `layer`: it stands around several services, not around one.
  function wrap(inner: Routable<C, P>): Routable<C, P> {
    // The overloads have checked what `make` gives; here it is a function from service to service.
    const made = routes.map(
      (route) => make(route) as ((inner: Routable<C, P>) => Routable<C, P>) | undefined,
    );
    // Described once, after the routes: what is further in would else be there as often as there are routes.
    const further: Routable<C, P> = {
      ready: () => inner.ready(),
      call: (request, signal) => inner.call(request, signal),
      describe: () => ({ name: "inner" }),
    };
    const layered = made.map((layer) => layer?.(further));
    const services = layered.map((service) => service ?? inner);
    const bySelected = new Map<SelectedRoute, Routable<C, P>>(
      routes.flatMap((route, n) =>
        table.selectedOf(route).map((selected) => [selected, services[n] ?? inner] as const),
      ),
    );
    const distinct = new Set(services.length > 0 ? services : [inner]);
    return {
      ready: () => anyReady(distinct),
      call(request, signal) {
        const service = bySelected.get(request.route);
        if (service !== undefined) return service.call(request, signal);
        const expected = "one of the layer's own table";
        return Promise.reject(rangeError("per-route: route of the request", expected, request.route.name));
      },
      describe: () => ({
        name: "per-route",
        options: { routes: routes.map(({ name }) => name) },
        inner: [
          ...routes.flatMap(({ name }, n) => {
            const layer = layered[n];
            return layer === undefined
              ? []
              : [{ name: "route", options: { key: name }, inner: [layer.describe()] }];
          }),
          inner.describe(),
        ],
      }),
    };
  }
  return wrap as unknown as AnyLayer<never>;
}
