import { checkNumber } from "@pagoda/core";

/** How fast a client must send or receive a body. Only time spent waiting for the client counts. */
export interface PaceLimits {
  /**
   * Minimum average rate over the body after the grace period, in bytes per second; 0: no limit.
   */
  readonly minRate: number;
  /** Milliseconds before `minRate` applies. */
  readonly graceMs: number;
  /** Milliseconds without a byte; 0: no limit. */
  readonly idleMs: number;
  /** Milliseconds in total; 0: no limit. */
  readonly totalMs: number;
}

/**
 * Time limits for clients. Omitted limits have their defaults.
 *
 * Rates and grace periods are those of ASP.NET's Kestrel; idle times of bodies those of nginx
 * (`client_body_timeout`, `send_timeout`); `quietMs` (`stream_idle_timeout`) and the idle time of
 * connections those of Envoy.
 */
export interface ClientLimits {
  /** Milliseconds to receive the head of a request. Default 60,000. */
  readonly headMs?: number;
  /**
   * Milliseconds without a byte in either direction while a request is in flight. Default 300,000.
   */
  readonly quietMs?: number;
  /** Milliseconds without a request. Default 3,600,000. */
  readonly idleMs?: number;
  /**
   * Request bodies. Default: at least 240 bytes per second after 5 s, and at most 60 s without a
   * byte. A slower client gets
   * 408. Only `quietMs` applies to tunnels and to gRPC bodies, which may be streams of few
   *   messages.
   */
  readonly body?: Partial<PaceLimits>;
  /** Responses, while bytes wait for the client. Same defaults. A slower client is reset. */
  readonly response?: Partial<PaceLimits>;
}

/** {@link ClientLimits} with all defaults filled in. */
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
