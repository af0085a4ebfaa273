export * from "./buffer.ts";
export type { Codel } from "./patience.ts";
