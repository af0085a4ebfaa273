export { xdsClient, type XdsClient, type XdsEndpointsOptions } from "./client.ts";
export type { ListenerChecks, ListenersSource, XdsListener } from "./listeners.ts";
export type { ListenerResource } from "./listener.ts";
export type { ListenerTls } from "./listener-tls.ts";
export type { XdsRoute, XdsRoutes, XdsVirtualHost } from "./route-configuration.ts";
export type { XdsRetry } from "./route-retry.ts";
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
export type { AuthoritiesSecret, CertificateSecret, Secret } from "./secret.ts";
export type { SecretCheck, SecretSource } from "./secret-source.ts";
export type { XdsSource } from "./source.ts";
