import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { HttpConnectionManagerSchema } from "../generated/http_manager_pb.ts";
import { type Listener, ListenerSchema } from "../generated/listener_pb.ts";
import { type RouteConfiguration, RouteConfigurationSchema } from "../generated/route_pb.ts";

export type ManagerInit = MessageInitShape<typeof HttpConnectionManagerSchema>;
export type ListenerInit = MessageInitShape<typeof ListenerSchema>;
export type RouteConfigurationInit = MessageInitShape<typeof RouteConfigurationSchema>;

type RouteInit = NonNullable<NonNullable<RouteConfigurationInit["virtualHosts"]>[number]["routes"]>[number];

/** The filter that ends each list. */
export const routerFilter = {
  name: "envoy.filters.http.router",
  configType: {
    case: "typedConfig" as const,
    value: {
      typeUrl: "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
      value: new Uint8Array(),
    },
  },
};

/** A listener on a port of loopback whose routes have this name. */
export function listener(
  name: string,
  port: number,
  routes: string,
  { manager = {}, ...settings }: ListenerInit & { readonly manager?: ManagerInit } = {},
): Listener {
  const ads = { configSourceSpecifier: { case: "ads" as const, value: new Uint8Array() } };
  const http = create(HttpConnectionManagerSchema, {
    routeSpecifier: { case: "rds", value: { configSource: ads, routeConfigName: routes } },
    httpFilters: [routerFilter],
    ...manager,
  } as ManagerInit);
  const filter = {
    name: "http",
    configType: { case: "typedConfig" as const, value: anyPack(HttpConnectionManagerSchema, http) },
  };
  return create(ListenerSchema, {
    name,
    address: {
      address: {
        case: "socketAddress",
        value: { address: "127.0.0.1", portSpecifier: { case: "portValue", value: port } },
      },
    },
    filterChains: [{ filters: [filter] }],
    ...settings,
  } as ListenerInit);
}

/** Routes for all hosts. */
export function routeConfiguration(name: string, ...routes: readonly RouteInit[]): RouteConfiguration {
  return create(RouteConfigurationSchema, {
    name,
    virtualHosts: [{ name: "all", domains: ["*"], routes: [...routes] }],
  });
}

/** A route for a beginning of paths to a cluster. */
export function routeTo(cluster: string, prefix: string = "/"): RouteInit {
  return {
    match: { pathSpecifier: { case: "prefix", value: prefix } },
    action: { case: "route", value: { clusterSpecifier: { case: "cluster", value: cluster } } },
  } as RouteInit;
}
