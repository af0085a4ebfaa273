import { rangeError } from "@pagoda/core";
import type { HttpHeaders } from "@pagoda/http";

/** The statuses of gRPC and their codes in `grpc-status`. */
export const grpcStatuses = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;

/** The name of a gRPC status. */
export type GrpcStatus = keyof typeof grpcStatuses;

const names = Object.keys(grpcStatuses) as GrpcStatus[];

/**
 * Returns the `grpc-status` of a head or of trailers: `UNKNOWN` for an unknown code, `undefined` if
 * there is none.
 */
export function statusOf(headers: HttpHeaders): GrpcStatus | undefined {
  const value = headers.get("grpc-status");
  if (value === undefined) return undefined;
  return (/^\d{1,2}$/.test(value) ? names[Number(value)] : undefined) ?? "UNKNOWN";
}

/** Returns gRPC's mapping of an HTTP status. */
export function statusOfHttp(status: number): GrpcStatus {
  switch (status) {
    case 400:
      return "INTERNAL";
    case 401:
      return "UNAUTHENTICATED";
    case 403:
      return "PERMISSION_DENIED";
    case 404:
      return "UNIMPLEMENTED";
    case 429:
    case 502:
    case 503:
    case 504:
      return "UNAVAILABLE";
    default:
      return "UNKNOWN";
  }
}

/** @throws RangeError when the status is unknown. */
export function checkStatus(part: string, option: string, status: string): asserts status is GrpcStatus {
  if (Object.hasOwn(grpcStatuses, status)) return;
  throw rangeError(`${part}: ${option}`, `one of ${names.join(", ")}`, status);
}
