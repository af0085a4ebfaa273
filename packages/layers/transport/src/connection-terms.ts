import type { ConnectionOptions } from "node:tls";

/** Settings of connections to an origin. */
export interface ConnectionTerms {
  readonly host: string;
  readonly port: number;
  /** Absent for no TLS. */
  readonly tls: ConnectionOptions | undefined;
  readonly connectTimeoutMs: number;
  readonly headersTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly pingMs: number;
}
