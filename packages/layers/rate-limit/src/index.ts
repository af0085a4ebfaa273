export * from "./by-client.ts";
export * from "./memory-store.ts";
export * from "./rate-limit.ts";
export * from "./rate.ts";
export * from "./store.ts";
