export * from "./certificates.ts";
export * from "./conformance.ts";
export * from "./service-conformance.ts";
