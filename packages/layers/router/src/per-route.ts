import { type AnyLayer, anyReady, type Layer, rangeError, type Service } from "@pagoda/core";
import type { Route, Routed, SelectedRoute } from "./route.ts";
import type { RouteTable } from "./table.ts";

type Routable<C extends string, P> = Service<Routed<C, P>, unknown, unknown>;

/**
 * Applies a separate layer to each route, created once, so that limits, budgets and circuit
 * breakers are per route. `make` usually reads the route's `policy`; `undefined` means no layer.
 * Routes that redirect or respond get none.
 *
 * Place it inside `router`, with the same table, anywhere among the layers that apply to each call.
 *
 * It is ready when the layer of any route is, so that a busy one does not block requests for the
 * others. A request whose route is not ready gets that route's refusal. To wait instead, add a
 * waiting layer in `make`.
 *
 * Errors: those of the layers. A request with a route of another table is a defect: the call
 * rejects.
 *
 * Cost per call: one `Map` lookup.
 *
 * @param make Runs once per route and wrapped service.
 */
export function perRoute<C extends string, P, Needs, Adds, Fails, Handles, Yields, Accepts>(
  table: RouteTable<C, P>,
  make: (route: Route<C, P>) => Layer<Needs, Adds, Fails, Handles, Yields, Accepts>,
): Layer<Routed<C, P> & Needs, Adds, Fails, Handles, Yields, Accepts>;
/** If some routes have no layer, the stack cannot rely on what it adds or handles. */
export function perRoute<C extends string, P, Needs, Fails, Yields, Accepts>(
  table: RouteTable<C, P>,
  make: (route: Route<C, P>) => Layer<Needs, unknown, Fails, never, Yields, Accepts> | undefined,
): Layer<Routed<C, P> & Needs, unknown, Fails, never, Yields, Accepts>;
export function perRoute<C extends string, P>(
  table: RouteTable<C, P>,
  make: (route: Route<C, P>) => AnyLayer<never> | undefined,
): AnyLayer<never> {
  const routes = table.routes.filter((route) => table.selectedOf(route).length > 0);
  // Not with core's `layer`, because it wraps several services.
  function wrap(inner: Routable<C, P>): Routable<C, P> {
    // The overloads check the result of `make`; here it is a function from service to service.
    const made = routes.map(
      (route) => make(route) as ((inner: Routable<C, P>) => Routable<C, P>) | undefined,
    );
    // The inner service is described once, after the routes. The description of each route ends with
    // its clusters, so that it shows what the layer is in front of.
    const layered = made.map((layer, n) => {
      const clusters = clustersOf(routes[n] as Route<C, P>, table);
      return layer?.({
        ready: () => inner.ready(),
        call: (request, signal) => inner.call(request, signal),
        describe: () => ({ name: "clusters", options: { clusters } }),
      });
    });
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

function clustersOf<C extends string, P>(route: Route<C, P>, table: RouteTable<C, P>): readonly C[] {
  return [...new Set(table.selectedOf(route).map(({ cluster }) => cluster))];
}
