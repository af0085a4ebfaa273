import type { Aborted, Fault } from "@pagoda/core";
import { Unsendable } from "./unsendable.ts";

/**
 * No connection to the origin: refused, unreachable, unknown name, TLS failed, too slow. Nothing was sent. Of origin
 * `local` where the transport was closed.
 */
export interface ConnectFailed extends Fault<"ConnectFailed"> {
  readonly upstream: string;
  /**
   * The system's or the TLS library's word for it, such as `ECONNREFUSED` or `CERT_HAS_EXPIRED`; `CONNECT_TIMEOUT`, or
   * `CLOSED` where the transport was.
   */
  readonly code: string;
}

/** The origin has the request and gave no response head in time. */
export interface HeadersTimedOut extends Fault<"HeadersTimedOut"> {
  readonly upstream: string;
  readonly afterMs: number;
}

/** The connection broke, or spoke no HTTP, before there was a response head. */
export interface ConnectionBroken extends Fault<"ConnectionBroken"> {
  readonly upstream: string;
  /** The system's word for it, such as `ECONNRESET`; `ENDED` without a word, or `MALFORMED` where it was no HTTP. */
  readonly code: string;
}

/** As many calls are under way to this origin as are allowed. */
export interface PoolExhausted extends Fault<"PoolExhausted"> {
  readonly upstream: string;
  readonly maxConnections: number;
}

/** The request cannot be sent as it is, for instance because a field's value is no HTTP. */
export interface RequestInvalid extends Fault<"RequestInvalid"> {
  readonly reason: string;
}

/** The HTTP/2 origin has not allowed extended CONNECT, which an upgrade is there: it was not asked. */
export interface UpgradeUnsupported extends Fault<"UpgradeUnsupported"> {
  readonly upstream: string;
}

/** What a call of an origin may fail with, apart from an abort. */
export type TransportFault =
  | ConnectFailed
  | HeadersTimedOut
  | ConnectionBroken
  | PoolExhausted
  | RequestInvalid
  | UpgradeUnsupported;

/** What a fault is made of beside the error that ended the connection. */
export interface Failure {
  readonly upstream: string;
  readonly headersTimeoutMs: number;
  /** The request had a connection when it failed. */
  readonly connected: boolean;
}

/** The typed error for what ended a connection before there was a response head. */
export function faultOf(cause: NodeJS.ErrnoException, failure: Failure): TransportFault {
  const { upstream, headersTimeoutMs, connected } = failure;
  const code = cause.code ?? cause.name;
  if (cause instanceof Unsendable) return unsendable(cause);
  if (code === "UPGRADE_UNSUPPORTED")
    return { _tag: "UpgradeUnsupported", origin: "local", retryable: false, upstream, cause };
  if (!connected)
    return { _tag: "ConnectFailed", origin: "upstream", retryable: true, upstream, code, cause };
  if (code === "HEADERS_TIMEOUT") {
    return {
      _tag: "HeadersTimedOut",
      origin: "upstream",
      retryable: true,
      upstream,
      afterMs: headersTimeoutMs,
      cause,
    };
  }
  return { _tag: "ConnectionBroken", origin: "upstream", retryable: true, upstream, code, cause };
}

/** The request is the caller's mistake. */
export function unsendable(cause: Unsendable): RequestInvalid {
  return { _tag: "RequestInvalid", origin: "local", retryable: false, reason: cause.message, cause };
}

/** The transport was closed by its owner, which says nothing about the origin. */
export function closed(upstream: string): ConnectFailed {
  return { _tag: "ConnectFailed", origin: "local", retryable: true, upstream, code: "CLOSED" };
}

/** The client went away in the middle of its upload: not the origin's fault, and nobody waits any more. */
export function uploadBroken(cause: unknown): Aborted {
  return { _tag: "Aborted", origin: "local", retryable: false, cause };
}

/** An error with a code. */
export function coded(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
