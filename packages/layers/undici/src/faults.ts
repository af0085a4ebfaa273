import { type Aborted, isLocalFailure } from "@pagoda/core";
import { type BodyBroken, bodyBroken, type RequestInvalid, type TransportFault } from "@pagoda/http";
import { errorName } from "@pagoda/http/http2";
import { UploadBroken } from "./request-body.ts";
import { Unsendable } from "./unsendable.ts";

/** An error of undici or of the system. */
export interface UndiciError extends Error {
  readonly code?: string;
  /** The code of a stream reset by an HTTP/2 origin. */
  readonly http2ErrorCode?: number;
}

/** Context of a failure. */
export interface Failure {
  readonly upstream: string;
  readonly headersTimeoutMs: number;
  /** Whether undici had begun to write the request. */
  readonly started: boolean;
  /** Whether the request body can be read from its first byte. */
  readonly canResend: boolean;
}

/** Converts an error before the response headers to a fault. */
export function transportFault(cause: UndiciError, failure: Failure): TransportFault | Aborted {
  const { upstream, headersTimeoutMs, started, canResend } = failure;
  if (cause instanceof UploadBroken) return uploadBroken(cause.fault);
  const proxy = proxyFailure(cause);
  if (cause instanceof Unsendable || (unsendableCodes.has(cause.code) && proxy === undefined))
    return unsendable(cause);
  const code = proxy?.code ?? codeOf(cause);
  const origin = proxy?.origin ?? (isOwn(cause) ? "local" : "upstream");
  const isConnecting = !started || proxy !== undefined;
  const processed =
    canResend && (isConnecting || code === "REFUSED_STREAM") ? ({ processed: false } as const) : {};
  if (isConnecting)
    return {
      _tag: "ConnectFailed",
      origin,
      retryable: true,
      ...processed,
      upstream,
      // The limit is that of the answer to CONNECT.
      code: code === "UND_ERR_HEADERS_TIMEOUT" ? "CONNECT_TIMEOUT" : code,
      cause,
    };
  if (code === "UND_ERR_HEADERS_TIMEOUT")
    return { _tag: "HeadersTimedOut", origin, retryable: true, upstream, afterMs: headersTimeoutMs, cause };
  return { _tag: "ConnectionBroken", origin, retryable: true, ...processed, upstream, code, cause };
}

/** undici's messages for a proxy that opens no tunnel, and for one that wants credentials. */
const refusedTunnel = /^Proxy response \((\d{3})\)/;
const wantsCredentials = /^Proxy Authentication Required \((407)\)/;

/**
 * The failure of a proxy, which says nothing about the origin: it cannot be reached, or refuses
 * (407, 403). With 5xx it says that it cannot reach the origin.
 */
function proxyFailure({
  code,
  message,
  cause,
}: UndiciError): { readonly origin: "local" | "upstream"; readonly code: string } | undefined {
  if (code === "UND_ERR_PRX_CONN" || code === "UND_ERR_PRX_TLS")
    return { origin: "local", code: `PROXY_${codeOf((cause ?? {}) as UndiciError)}` };
  const status = (refusedTunnel.exec(message) ?? wantsCredentials.exec(message))?.[1];
  if (status === undefined) return undefined;
  return { origin: status.startsWith("5") ? "upstream" : "local", code: `PROXY_${status}` };
}

/** The fault of a request that cannot be sent. */
export function unsendable(cause: Error): RequestInvalid {
  return { _tag: "RequestInvalid", origin: "local", retryable: false, reason: cause.message, cause };
}

/** The fault of a broken response body. Failures caused on this side have origin `local`. */
export function brokenBy(cause: UndiciError): BodyBroken {
  if (cause instanceof UploadBroken) return { ...bodyBroken(cause.fault), origin: "local" };
  return isOwn(cause) || cause instanceof Unsendable
    ? { ...bodyBroken(cause), origin: "local" }
    : bodyBroken(cause);
}

/** The fault of a client that went away during its upload. */
function uploadBroken(cause: BodyBroken): Aborted {
  return { _tag: "Aborted", origin: "local", retryable: false, cause };
}

/** undici refuses the request: invalid parts, or a body that does not match its length. */
const unsendableCodes: ReadonlySet<string | undefined> = new Set([
  "UND_ERR_INVALID_ARG",
  "UND_ERR_NOT_SUPPORTED",
  "UND_ERR_REQ_CONTENT_LENGTH_MISMATCH",
]);

/** Limits of the dispatcher, and its end. */
const ownCodes: ReadonlySet<string | undefined> = new Set([
  "UND_ERR_CLOSED",
  "UND_ERR_DESTROYED",
  "UND_ERR_MAX_ORIGINS_REACHED",
  "UND_ERR_RES_EXCEEDED_MAX_SIZE",
]);

function isOwn(cause: UndiciError): boolean {
  return ownCodes.has(cause.code) || isLocalFailure(cause) || isLocalFailure(cause.cause);
}

/** The names that `transport` uses, for what both know. */
const codes: Readonly<Record<string, string>> = {
  UND_ERR_CLOSED: "CLOSED",
  UND_ERR_CONNECT_TIMEOUT: "CONNECT_TIMEOUT",
  UND_ERR_DESTROYED: "CLOSED",
  UND_ERR_HEADERS_OVERFLOW: "MALFORMED",
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: "MALFORMED",
  UND_ERR_SOCKET: "ENDED",
};

/**
 * undici gives these no code of their own: a response nobody asked for or an upgrade nobody asked
 * for, and a GOAWAY, which is the error of the streams above its last one.
 */
const ambiguous = /^bad (?:response|upgrade)$/;
const goAway = /^HTTP\/2: "GOAWAY" frame received/;

function codeOf({ code, message, name, http2ErrorCode }: UndiciError): string {
  if (http2ErrorCode !== undefined) return errorName(http2ErrorCode);
  if (goAway.test(message)) return "REFUSED_STREAM";
  if (ambiguous.test(message) || name === "HTTPParserError") return "MALFORMED";
  return codes[code ?? ""] ?? code ?? name;
}
