import { cors, type CorsOptions } from "@pagoda/cors";
import { layer, type Layer, type Service } from "@pagoda/core";
import type { HttpRequest, HttpResponse } from "@pagoda/http";
import type { RouteTable } from "@pagoda/router";
import type { ListenerConfig } from "../config/schema/config.ts";
import { defined } from "../schema/defined.ts";

type Settings = NonNullable<ListenerConfig["cors"]>;
type CorsLayer = Layer<HttpRequest, unknown, never, never, HttpResponse, HttpResponse>;

/**
 * CORS of a listener and its routes; undefined without any. It stands outside the router, so that
 * scripts can read errors and preflights need no credentials. So with routes that have their own, it
 * looks up the route of each request, and of a preflight that of the request to come.
 */
export function listenerCors(
  { cors: common, routes }: Pick<ListenerConfig, "cors" | "routes">,
  table: RouteTable,
): CorsLayer | undefined {
  const own = routes.flatMap(({ name, cors: its }) => (its === undefined ? [] : [[name, its] as const]));
  const usual = common && cors(corsOptions(common));
  return own.length === 0 ? usual : perRoute(new Map(own), usual, table);
}

function perRoute(
  own: ReadonlyMap<string, Settings>,
  usual: CorsLayer | undefined,
  table: RouteTable,
): CorsLayer {
  return layer<HttpRequest, unknown, never, never, HttpResponse, HttpResponse>(
    "cors",
    <Res, Err>(inner: Service<HttpRequest, Res & HttpResponse, Err>) => {
      const others = usual === undefined ? inner : usual(inner);
      const byRoute = new Map(
        Array.from(own, ([name, its]) => [name, cors(corsOptions(its))(inner)] as const),
      );
      return {
        options: { routes: [...own.keys()] },
        call(request, signal) {
          const route = routeOf(request, table);
          return ((route === undefined ? undefined : byRoute.get(route)) ?? others).call(request, signal);
        },
      };
    },
  );
}

function routeOf(request: HttpRequest, table: RouteTable): string | undefined {
  const method =
    request.method === "OPTIONS" ? request.headers.get("access-control-request-method") : undefined;
  const found = method === undefined ? undefined : table.find({ ...request, method });
  return (found ?? table.find(request))?.route.name;
}

function corsOptions({ maxAge, ...rest }: Settings): CorsOptions {
  return { ...defined({ ...rest, maxAgeMs: maxAge }), origins: rest.origins };
}
