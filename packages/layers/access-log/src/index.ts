export * from "./access-log.ts";
export type { AccessEntry, LoggedCause, LoggedFault, LoggedRequest } from "./entry.ts";
export * from "./level.ts";
