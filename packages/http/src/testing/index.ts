export * from "./certificates.ts";
export * from "./conformance.ts";
export * from "./service-conformance.ts";
export * from "./raw-http2.ts";
export * from "./mutations.ts";
export * from "./client/index.ts";
