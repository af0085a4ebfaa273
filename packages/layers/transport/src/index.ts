export * from "./faults.ts";
export * from "./transport.ts";
