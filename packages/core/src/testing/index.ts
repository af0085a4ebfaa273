export * from "./abort-listeners.ts";
export * from "./clock.ts";
export * from "./conformance.ts";
export * from "./layer-rules.ts";
export * from "./mock.ts";
export * from "./random.ts";
export * from "./service-conformance.ts";
export * from "./settled.ts";
