export * from "./buffer.ts";
export type { Codel } from "./max-wait.ts";
export { type BufferRoom, bufferRoom } from "./room.ts";
