import { type Aborted, type Fault, isLocalFailure } from "@pagoda/core";
import { type BodyBroken, bodyBroken } from "@pagoda/http";
import { Malformed, type MalformedReason } from "./malformed.ts";
import { Unsendable } from "./unsendable.ts";

/**
 * No connection to the origin: refused, unreachable, unknown name, TLS failed, too slow. Nothing was sent. Of origin
 * `local` where the transport was closed, or this machine has no descriptor, port or memory left for one.
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
  /**
   * The system's word for it, such as `ECONNRESET`; `ENDED` without a word, or `MALFORMED` where it was no HTTP; with HTTP/2
   * the name of the stream's error, such as `REFUSED_STREAM`.
   */
  readonly code: string;
  /** What is wrong with a malformed response: one of few, fit for a metric's label. */
  readonly reason?: MalformedReason | undefined;
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
  /** The request's body can be read from its first byte. */
  readonly canResend: boolean;
}

/** The typed error for what ended a connection before there was a response head. */
export function faultOf(cause: NodeJS.ErrnoException, failure: Failure): TransportFault {
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
 * How an origin says that it has not acted on a request. Streams above the last one that a GOAWAY names are closed as
 * refused (RFC 9113, 6.8 and 8.7).
 */
const unprocessed: ReadonlySet<string> = new Set(["REFUSED_STREAM"]);

/** The request is the caller's mistake. */
export function unsendable(cause: Unsendable): RequestInvalid {
  return { _tag: "RequestInvalid", origin: "local", retryable: false, reason: cause.message, cause };
}

/** The transport was closed by its owner, which says nothing about the origin. */
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

/** The client went away in the middle of its upload: not the origin's fault, and nobody waits any more. */
export function uploadBroken(cause: unknown): Aborted {
  return { _tag: "Aborted", origin: "local", retryable: false, cause };
}

/** The fault of a response's body that breaks; what this side has brought about is not the origin's. */
export function brokenBy(cause: Error | BodyBroken): BodyBroken {
  return "_tag" in cause || isOwn(cause) ? { ...bodyBroken(cause), origin: "local" } : bodyBroken(cause);
}

/** Whether this side has brought an error about, or could not see what the other did. */
function isOwn(cause: NodeJS.ErrnoException & { readonly isLocal?: boolean }): boolean {
  return isLocalFailure(cause) || cause.code === "CLOSED" || cause.isLocal === true;
}

/** An error with a code. */
export function coded(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
