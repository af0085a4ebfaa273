import { type Aborted, isLocalFailure } from "@pagoda/core";
import {
  type BodyBroken,
  bodyBroken,
  type ConnectFailed,
  type RequestInvalid,
  type TransportFault,
} from "@pagoda/http";
import { Malformed } from "./malformed.ts";
import { Unsendable } from "./unsendable.ts";

/** Context of a failure. */
export interface Failure {
  readonly upstream: string;
  readonly headersTimeoutMs: number;
  /** Whether the request had a connection when it failed. */
  readonly connected: boolean;
  /** Whether the request body can be read from its first byte. */
  readonly canResend: boolean;
}

/** Converts an error before the response headers to a fault. */
export function transportFault(cause: NodeJS.ErrnoException, failure: Failure): TransportFault {
  const { upstream, headersTimeoutMs, connected, canResend } = failure;
  const code = cause.code ?? cause.name;
  if (cause instanceof Unsendable) return unsendable(cause);
  if (code === "UPGRADE_UNSUPPORTED")
    return { _tag: "UpgradeUnsupported", origin: "local", retryable: false, upstream, cause };
  const origin = isOwn(cause) ? "local" : "upstream";
  const processed = canResend && (!connected || unprocessed.has(code)) ? ({ processed: false } as const) : {};
  if (!connected)
    return { _tag: "ConnectFailed", origin, retryable: true, ...processed, upstream, code, cause };
  if (code === "HEADERS_TIMEOUT") {
    return {
      _tag: "HeadersTimedOut",
      origin,
      retryable: true,
      upstream,
      afterMs: headersTimeoutMs,
      cause,
    };
  }
  const reason = cause instanceof Malformed ? { reason: cause.reason } : {};
  return {
    _tag: "ConnectionBroken",
    origin,
    retryable: true,
    ...processed,
    upstream,
    code,
    ...reason,
    cause,
  };
}

/**
 * Codes that mean that the origin has not acted on the request. Streams above the last one named in
 * a GOAWAY are closed with REFUSED_STREAM (RFC 9113, sections 6.8 and 8.7).
 */
const unprocessed: ReadonlySet<string> = new Set(["REFUSED_STREAM"]);

/** The fault of a request that cannot be sent. */
export function unsendable(cause: Unsendable): RequestInvalid {
  return { _tag: "RequestInvalid", origin: "local", retryable: false, reason: cause.message, cause };
}

/** The fault of a call on a closed transport. Says nothing about the origin. */
export function closed(upstream: string, canResend: boolean): ConnectFailed {
  return {
    _tag: "ConnectFailed",
    origin: "local",
    retryable: true,
    ...(canResend && { processed: false }),
    upstream,
    code: "CLOSED",
  };
}

/** The fault of a client that went away during its upload. */
export function uploadBroken(cause: unknown): Aborted {
  return { _tag: "Aborted", origin: "local", retryable: false, cause };
}

/** The fault of a broken response body. Failures caused on this side have origin `local`. */
export function brokenBy(cause: Error | BodyBroken): BodyBroken {
  const isLocal = "_tag" in cause || cause instanceof Unsendable || isOwn(cause);
  return isLocal ? { ...bodyBroken(cause), origin: "local" } : bodyBroken(cause);
}

/** Whether an error was caused on this side, or while this side was stalled. */
function isOwn(cause: NodeJS.ErrnoException & { readonly isLocal?: boolean }): boolean {
  return isLocalFailure(cause) || cause.code === "CLOSED" || cause.isLocal === true;
}

/** Creates an error with a code. */
export function coded(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

/** Creates the error of a time limit. `isLocal`: it passed while this process was stalled. */
export function timedOut(code: string, ms: number, isLocal: boolean): Error {
  if (!isLocal) return coded(code, `timed out after ${ms} ms`);
  return Object.assign(coded(code, `timed out after ${ms} ms while this process was stalled`), { isLocal });
}

export function isReset(error: Error | undefined): error is Error {
  return (error as NodeJS.ErrnoException | undefined)?.code === "ECONNRESET";
}

export function isTlsAlert(error: Error | BodyBroken): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code !== undefined && /^ERR_SSL_.*ALERT/.test(code);
}
