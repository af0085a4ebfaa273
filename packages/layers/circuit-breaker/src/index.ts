export * from "./breaker.ts";
export * from "./circuit-breaker.ts";
export type { BreakerObserver, BreakerOptions, Opening } from "./options.ts";
export * from "./trip.ts";
