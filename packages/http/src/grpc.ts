import { hasAt } from "./grammar/ignore-case.ts";
import type { HttpHeaders } from "./headers.ts";

/**
 * Whether a message is gRPC, by its `content-type`. gRPC-Web, which has a different framing, does
 * not count.
 */
export function isGrpc(headers: HttpHeaders): boolean {
  const type = headers.get("content-type");
  if (type === undefined || !hasAt(type, 0, grpcType)) return false;
  if (type.length === grpcType.length) return true;
  const next = type[grpcType.length];
  return next === "+" || next === ";" || next === " ";
}

const grpcType = "application/grpc";
