import type { ConnectionOptions } from "node:tls";
import type { Call } from "./call.ts";
import type { Connection } from "./connection.ts";

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

/** Whom a connection tells when it can be used again, or not any more. */
export interface ConnectionOwner {
  free(connection: Connection): void;
  gone(connection: Connection): void;
  /** The call has not been heard of by the origin, as far as one can know, and may go over another connection. */
  again(call: Call): void;
}
