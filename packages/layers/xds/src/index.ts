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
export type { AuthoritiesSecret, CertificateSecret, Secret } from "./secret.ts";
export type { SecretCheck, SecretSource } from "./secret-source.ts";
export type { XdsSource } from "./source.ts";
