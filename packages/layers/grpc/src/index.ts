export * from "./answers.ts";
export * from "./classifier.ts";
export * from "./deadline.ts";
export { type GrpcStatus, grpcStatuses } from "./status.ts";
export * from "./trailers.ts";
