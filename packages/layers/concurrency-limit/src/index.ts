export * from "./aimd.ts";
export * from "./concurrency-limit.ts";
export * from "./gradient2.ts";
export { type InFlight, inFlight } from "./in-flight.ts";
export * from "./keyed.ts";
export type { Limit, LimitAlgorithm, Sample } from "./limit.ts";
export * from "./vegas.ts";
