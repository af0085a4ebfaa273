export * from "./config/environment.ts";
export { type Loaded, loadConfig, type Sources } from "./config/load.ts";
export type { Config } from "./config/schema/config.ts";
export * from "./control/proxy.ts";
export type { AnyPolicy } from "./policies/policy.ts";
export type { WorkerCode } from "./control/worker-process.ts";
export type { Listening } from "./data-plane/listening.ts";
export type { ClusterStatus, EndpointStatus } from "./data-plane/types.ts";
