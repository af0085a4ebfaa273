import type { ConnectionOptions } from "node:tls";

/** How connections to an origin are made, and how long they may take. */
export interface ConnectionTerms {
  readonly host: string;
  readonly port: number;
  /** Absent: no TLS. */
  readonly tls: ConnectionOptions | undefined;
  readonly connectTimeoutMs: number;
  readonly headersTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly pingMs: number;
}
