export * from "./faults.ts";
export type { TlsOptions } from "./tls-options.ts";
export * from "./transport.ts";
