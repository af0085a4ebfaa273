export * from "./buffer.ts";
export type { Codel } from "./max-wait.ts";
export { type BufferUsage, bufferUsage } from "./usage.ts";
