export type { RequestBodyOptions } from "./content.ts";
export * from "./ext-authz.ts";
export * from "./faults.ts";
export { isSettable } from "./fields.ts";
export type { ExtAuthzFault, GuardOptions } from "./guard.ts";
export * from "./grpc-ext-authz.ts";
