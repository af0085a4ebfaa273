export * from "./call.ts";
export * from "./call-request.ts";
export * from "./client.ts";
export * from "./faults.ts";
export type { CallOptions, QueryValue, SendOptions } from "./message.ts";
export type { ClientOptions, ConcurrencyOptions, Connect, Connected, RetryPolicy } from "./options.ts";
