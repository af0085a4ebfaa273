import type { HttpHeaders } from "./headers.ts";

/**
 * Whether a message is gRPC, by its `content-type`. gRPC-Web, which has a different framing, does
 * not count.
 */
export function isGrpc(headers: HttpHeaders): boolean {
  return headers.isGrpc;
}
