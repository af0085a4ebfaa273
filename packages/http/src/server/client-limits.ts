import { checkNumber } from "@pagoda/core";

/** How fast a client must send or take a body. Only time spent waiting for the client counts. */
export interface PaceLimits {
  /** Bytes a second, on average over the body, after the grace; 0: no limit. */
  readonly minRate: number;
  /** Milliseconds before the rate applies. */
  readonly graceMs: number;
  /** Milliseconds without a byte; 0: no limit. */
  readonly idleMs: number;
  /** Milliseconds in all; 0: no limit. */
  readonly totalMs: number;
}

/**
 * Time limits for clients. Each part that is left out has its default.
 *
 * The rates and their grace are those of ASP.NET's Kestrel, the idle times nginx' (`client_body_timeout`,
 * `send_timeout`), the quiet time Envoy's (`stream_idle_timeout`), and its idle time for connections.
 */
export interface ClientLimits {
  /** Milliseconds for the head of a request. Default 60,000. */
  readonly headMs?: number;
  /** Milliseconds without a byte, in either direction, while a request is under way. Default 300,000. */
  readonly quietMs?: number;
  /** Milliseconds without a request. Default 3,600,000. */
  readonly idleMs?: number;
  /**
   * Request bodies. Default: at least 240 bytes a second after 5 s, and never 60 s without one. A slower client gets 408. Only
   * `quietMs` applies to gRPC bodies, which are streams of messages, perhaps few, and to tunnels.
   */
  readonly body?: Partial<PaceLimits>;
  /** Responses, while bytes wait for the client. Same defaults; a slower client is reset. */
  readonly response?: Partial<PaceLimits>;
}

/** With all defaults. */
export interface Limits {
  readonly headMs: number;
  readonly quietMs: number;
  readonly idleMs: number;
  readonly body: PaceLimits;
  readonly response: PaceLimits;
}

const pace: PaceLimits = { minRate: 240, graceMs: 5_000, idleMs: 60_000, totalMs: 0 };

/** @throws RangeError */
export function limitsOf({
  headMs = 60_000,
  quietMs = 300_000,
  idleMs = 3_600_000,
  body,
  response,
}: ClientLimits = {}): Limits {
  return {
    headMs: limit("headMs", headMs, 1),
    quietMs: limit("quietMs", quietMs, 1),
    idleMs: limit("idleMs", idleMs, 1),
    body: paceOf("body", body),
    response: paceOf("response", response),
  };
}

function paceOf(name: string, given: Partial<PaceLimits> | undefined): PaceLimits {
  const limits = { ...pace, ...given };
  for (const [key, value] of Object.entries(limits)) limit(`${name}.${key}`, value as number, 0);
  return limits;
}

function limit(name: string, value: number, min: number): number {
  checkNumber(`serve: limits.${name}`, value, { min });
  return value;
}
