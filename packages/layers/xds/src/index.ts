export { xdsClient, type XdsClient, type XdsEndpointsOptions } from "./client.ts";
export type { Locality, XdsEndpoint } from "./endpoint.ts";
export type {
  ControlPlaneDisconnected,
  ResourceKind,
  ResourceMissing,
  ResourceRejected,
  XdsFault,
  XdsNode,
  XdsObserver,
  XdsOptions,
  XdsTls,
  XdsUpdate,
} from "./options.ts";
export type { XdsSource } from "./source.ts";
