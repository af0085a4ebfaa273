import {
  anyReady,
  type ErrorOf,
  mustBe,
  oneOf,
  rangeError,
  type RequestOf,
  type ResponseOf,
  type Service,
} from "@pagoda/core";
import type { Routed, SelectedRoute } from "./route.ts";
import type { RouteTable } from "./table.ts";

/** Any service. */
type AnyService = Service<never, unknown, unknown>;
/** Requests accepted by all services of a record: the intersection of their request types. */
type TakenByAll<S> = S[keyof S] extends Service<infer Req, unknown, unknown> ? Req : never;

/** Path parameters belong to the requests of one cluster, everything else to all requests. */
type Taken<S> =
  TakenByAll<S> extends { readonly params: unknown }
    ? { [C in keyof S & string]: RequestOf<S[C]> & Routed<C> }[keyof S & string]
    : TakenByAll<S> & Routed<keyof S & string>;

/**
 * The leaf of a stack with a router: calls the service of the cluster that the route selected. A
 * cluster without a service does not compile.
 *
 * It is ready when any cluster is, so that a busy one does not block requests for the others. A
 * request whose cluster is not ready gets that cluster's refusal.
 *
 * Errors: those of the services. Cost per call: one `Map` lookup.
 *
 * @throws RangeError if there is no service.
 */
export function clusters<const S extends Readonly<Record<string, AnyService>>>(
  services: S,
): Service<Taken<S>, ResponseOf<S[keyof S]>, ErrorOf<S[keyof S]>>;
/**
 * The same for routes from a file, whose cluster names the compiler does not know.
 *
 * @throws RangeError naming each cluster of the table without a service.
 */
export function clusters<Req, Res, Err>(
  services: Readonly<Record<string, Service<Req, Res, Err>>>,
  table: RouteTable,
): Service<Req & Routed, Res, Err>;
export function clusters(
  services: Readonly<Record<string, AnyService>>,
  table?: RouteTable,
): Service<Routed, unknown, unknown> {
  // A map, because a cluster may be named `constructor`.
  const byName = new Map(
    Object.entries(services as Readonly<Record<string, Service<Routed, unknown, unknown>>>),
  );
  if (table !== undefined) checkServed(byName, table);
  // If the table selects no cluster, every call is answered before it gets here.
  else if (byName.size === 0)
    throw rangeError("clusters: services", "an object with at least one service", services);
  return {
    ready: () => (byName.size === 0 ? undefined : anyReady(byName.values())),
    call(request, signal) {
      const { name, cluster } = request.route;
      const service = byName.get(cluster);
      if (service !== undefined) return service.call(request, signal);
      return Promise.reject(unserved([{ name, cluster }], byName));
    },
    describe: () => ({
      name: "clusters",
      options: { clusters: [...byName.keys()] },
      inner: Array.from(byName, ([key, service]) => ({
        name: "cluster",
        options: { key },
        inner: [service.describe()],
      })),
    }),
  };
}

function checkServed(services: ReadonlyMap<string, unknown>, table: RouteTable): void {
  const missing = table.routes.flatMap((route) =>
    table.selectedOf(route).filter(({ cluster }) => !services.has(cluster)),
  );
  if (missing.length > 0) throw unserved(missing, services);
}

function unserved(
  missing: readonly Pick<SelectedRoute, "name" | "cluster">[],
  services: ReadonlyMap<string, unknown>,
): RangeError {
  const expected = oneOf([...services.keys()]);
  const lines = missing.map(({ name, cluster }) =>
    mustBe(`clusters: cluster of route ${name}`, expected, cluster),
  );
  return new RangeError(lines.join("\n"));
}
