import type { HttpHeaders } from "./headers.ts";

/** Whether a message is one of gRPC, by its `content-type`. gRPC-Web has another framing and is none. */
export function isGrpc(headers: HttpHeaders): boolean {
  const type = headers.get("content-type");
  return type !== undefined && grpcType.test(type);
}

const grpcType = /^application\/grpc(?:$|[+; ])/i;
