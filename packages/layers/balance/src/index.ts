export * from "./balance.ts";
export * from "./discovery.ts";
export * from "./round-robin.ts";
export * from "./strategy.ts";
