export * from "./event-metrics.ts";
export * from "./metrics.ts";
export * from "./stack-metrics.ts";
