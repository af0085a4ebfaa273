export * from "./balance.ts";
export type { SlowStart } from "./slow-start.ts";
export * from "./strategies/round-robin.ts";
export * from "./strategy.ts";
