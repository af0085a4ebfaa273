export type {
  ApiInvalid,
  ApiRefused,
  ApiUnreachable,
  FileUnreadable,
  KubernetesFault,
  SlicesInvalid,
} from "./faults.ts";
export * from "./kubernetes.ts";
export type { KubernetesEndpointsOptions, KubernetesObserver } from "./options.ts";
export { apiServer, type ApiServer } from "./api-server.ts";
export type { KubernetesEndpoint } from "./slices.ts";
export type { WatchStatus } from "./watcher.ts";
