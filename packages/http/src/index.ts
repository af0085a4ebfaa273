export type { Client, FromClient } from "@pagoda/core";
export * from "./body.ts";
export * from "./body-from.ts";
export * from "./bytes.ts";
export * from "./claims.ts";
export * from "./classifier.ts";
export * from "./cut-off.ts";
export * from "./grpc.ts";
export * from "./headers.ts";
export * from "./message.ts";
export * from "./notes.ts";
export * from "./push-body.ts";
export {
  type BodyMalformed,
  type BodyTooLarge,
  defaultMaxBytes,
  type ReadFault,
  type ReadOptions,
} from "./read-body.ts";
export * from "./read-up-to.ts";
export * from "./replay.ts";
export * from "./request-id.ts";
export * from "./single-lines.ts";
export * from "./stream-body.ts";
export * from "./subject-alt-names.ts";
export * from "./trail.ts";
export * from "./transport-fault.ts";
export * from "./transform-body.ts";
export * from "./upgrades.ts";
export * from "./uuids.ts";
