import { getSystemErrorName } from "node:util";
import type { Aborted, Fault } from "@pagoda/core";

/**
 * No connection to the origin: refused, unreachable, unknown name, TLS failed, too slow. Nothing was sent. Of origin
 * `local` where the transport was closed.
 */
export interface ConnectFailed extends Fault<"ConnectFailed"> {
  readonly upstream: string;
  /** The system's or the TLS library's word for it, such as `ECONNREFUSED` or `CERT_HAS_EXPIRED`. */
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

/** What a call of an origin may fail with, apart from an abort. */
export type TransportFault =
  | ConnectFailed
  | HeadersTimedOut
  | ConnectionBroken
  | PoolExhausted
  | RequestInvalid;

/** What a fault is made of beside the error that undici or Node gave. */
export interface Failure {
  readonly upstream: string;
  readonly headersTimeoutMs: number;
  /** The request had a connection when it failed. */
  readonly connected: boolean;
}

/** The typed error for what undici or Node reported. */
export function faultOf(cause: NodeJS.ErrnoException, failure: Failure): TransportFault {
  const { upstream, headersTimeoutMs, connected } = failure;
  const code = codeOf(cause);
  if (invalid.has(code)) {
    return { _tag: "RequestInvalid", origin: "local", retryable: false, reason: cause.message, cause };
  }
  if (!connected)
    return { _tag: "ConnectFailed", origin: "upstream", retryable: true, upstream, code, cause };
  if (code === "UND_ERR_HEADERS_TIMEOUT") {
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

/** The transport was closed by its owner, which says nothing about the origin. */
export function closed(upstream: string): ConnectFailed {
  return { _tag: "ConnectFailed", origin: "local", retryable: true, upstream, code: "UND_ERR_CLOSED" };
}

/** The client went away in the middle of its upload: not the origin's fault, and nobody waits any more. */
export function uploadBroken(cause: unknown): Aborted {
  return { _tag: "Aborted", origin: "local", retryable: false, cause };
}

/** An error with a code by which `faultOf` knows it. */
export function coded(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

/**
 * Gives a reset the code of a connection that was closed: undici takes `ECONNRESET` for the end of a body that has no
 * other end, which would make half a body a whole one, and fails requests that have not been sent yet, which it
 * sends again over a new connection after any other close. The error's number keeps the system's word.
 */
export function resetIsClose(error: NodeJS.ErrnoException): void {
  if (error.code === "ECONNRESET") error.code = "UND_ERR_SOCKET";
}

function codeOf({ code, errno, name }: NodeJS.ErrnoException): string {
  if (code === "UND_ERR_SOCKET" && errno !== undefined) return getSystemErrorName(errno);
  return code ?? name;
}

const invalid: ReadonlySet<string> = new Set([
  "UND_ERR_INVALID_ARG",
  "UND_ERR_NOT_SUPPORTED",
  "UND_ERR_REQ_CONTENT_LENGTH_MISMATCH",
  "ERR_INVALID_CHAR",
  "ERR_UNESCAPED_CHARACTERS",
  "ERR_INVALID_HTTP_TOKEN",
  "ERR_BODY_UNREADABLE",
]);
