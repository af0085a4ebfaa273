export * from "./serve.ts";
export type { ServerCertificate, ServerTls } from "./tls.ts";
