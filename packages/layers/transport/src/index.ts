export {
  type ConnectFailed,
  type ConnectionBroken,
  type HeadersTimedOut,
  type PoolExhausted,
  type RequestInvalid,
  type TransportFault,
  type UpgradeUnsupported,
} from "@pagoda/http";
export type { MalformedReason } from "./malformed.ts";
export { type TlsConnectOptions, tlsOptions, type TlsOptions } from "./tls-options.ts";
export * from "./transport.ts";
