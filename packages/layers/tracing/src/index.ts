export * from "./client-span.ts";
export * from "./server-span.ts";
export type { SpanOptions } from "./spans.ts";
export * from "./trace-context.ts";
