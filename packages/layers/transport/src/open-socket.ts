import { connect, type OnReadOpts, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { ConnectionTerms } from "./connection-terms.ts";

/** Idle time before the system sends TCP keep-alive probes. */
const probeMs = 60_000;

/** Opens a socket to an origin, which reads into one buffer. */
export function openSocket({ host, port, tls }: ConnectionTerms, onread: OnReadOpts): Socket {
  const options = { host, port, onread, noDelay: true, keepAlive: true, keepAliveInitialDelay: probeMs };
  return tls === undefined ? connect(options) : connectTls({ ...tls, ...options });
}
