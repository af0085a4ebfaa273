export type { ClientLimits, PaceLimits } from "./client-limits.ts";
export * from "./http-server.ts";
export { peerOf } from "./peer.ts";
export * from "./serve-options.ts";
export * from "./serve.ts";
export type { ServerCertificate, ServerTls } from "./tls.ts";
