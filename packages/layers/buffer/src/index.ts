export * from "./buffer.ts";
export type { Codel } from "./patience.ts";
export { type BufferRoom, bufferRoom } from "./room.ts";
