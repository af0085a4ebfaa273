export * from "./by-client.ts";
export * from "./leased.ts";
export * from "./remote-store.ts";
export * from "./memory-store.ts";
export * from "./rate-limit.ts";
export * from "./rate.ts";
export { sharedMemory, type SharedMemoryOptions } from "./shared-memory.ts";
export * from "./shared-store.ts";
export * from "./store.ts";
