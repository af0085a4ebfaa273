import type { Endpoint } from "@pagoda/core";
import { type GrpcAddress, GrpcConnection } from "./grpc-connection.ts";
import { encodeRequest } from "./grpc-messages.ts";
import { Kept } from "./kept.ts";
import type { Probe } from "./probe.ts";

export interface GrpcProbeOptions<in E extends Endpoint> {
  /** Called at each check that connects anew. */
  readonly address: (endpoint: E) => GrpcAddress;
  /** Whose health is asked for. Default: empty, which is the server as a whole. */
  readonly service?: string;
}

/**
 * Well is what answers `SERVING` to `grpc.health.v1.Health/Check`. Not well is everything else: another answer, a
 * `grpc-status` other than 0, an HTTP status other than 200, a reset, a connection that ends, bytes that make no sense.
 *
 * One connection is kept for each endpoint, as callers keep theirs. After a check that had no whole answer it is closed,
 * and the next check connects anew: so a connection that hangs fails one check and not all. It is closed, too, when the
 * endpoint has gone, and replaced when the server takes its leave (GOAWAY).
 *
 * Errors: `ProbeFailed` with what was answered instead. Cost: a connection for each endpoint, and a stream for each
 * check.
 *
 * Source: the gRPC health checking protocol, and gRPC over HTTP/2.
 */
export function grpcProbe<E extends Endpoint = Endpoint>({
  address,
  service = "",
}: GrpcProbeOptions<E>): Probe<E> {
  const request = encodeRequest(service);
  const connections = new Kept<E, GrpcConnection>((endpoint, atEnd) => {
    const connection = new GrpcConnection(() => address(endpoint));
    atEnd(() => connection.close());
    return connection;
  });
  return Object.assign(
    async (endpoint: E, signal: AbortSignal) => connections.of(endpoint).check(request, signal),
    { gone: (endpoint: E) => connections.gone(endpoint) },
  );
}
