export * from "./client-connection.ts";
export { ClientStream, type ClientStreamHandler } from "./client-stream.ts";
export * from "./error-codes.ts";
export * from "./frames.ts";
export { PeerSettings } from "./settings.ts";
