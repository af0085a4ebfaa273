import type { Endpoint } from "@pagoda/core";
import { type GrpcAddress, GrpcConnection } from "./grpc-connection.ts";
import { encodeRequest } from "./grpc-messages.ts";
import { PerEndpoint } from "./per-endpoint.ts";
import type { Probe } from "./probe.ts";

export interface GrpcProbeOptions<in E extends Endpoint> {
  /** Called for each new connection. */
  readonly address: (endpoint: E) => GrpcAddress;
  /** Service name to check. Default: empty, the server as a whole. */
  readonly service?: string;
}

/**
 * Succeeds if the endpoint answers `SERVING` to `grpc.health.v1.Health/Check`. Anything else fails:
 * another serving status, a `grpc-status` other than 0, an HTTP status other than 200, a reset, a
 * closed connection, malformed bytes.
 *
 * One connection is kept per endpoint, as callers keep theirs. It is closed after a check without a
 * complete response, so a hanging connection fails only one check, and when the endpoint is
 * removed. It is replaced after a GOAWAY.
 *
 * Errors: `ProbeFailed` with the response received instead. Cost: one connection per endpoint, one
 * stream per check.
 *
 * Source: the gRPC health checking protocol, and gRPC over HTTP/2.
 */
export function grpcProbe<E extends Endpoint = Endpoint>({
  address,
  service = "",
}: GrpcProbeOptions<E>): Probe<E> {
  const request = encodeRequest(service);
  const connections = new PerEndpoint<E, GrpcConnection>((endpoint, atEnd) => {
    const connection = new GrpcConnection(() => address(endpoint));
    atEnd(() => connection.close());
    return connection;
  });
  return Object.assign(
    async (endpoint: E, signal: AbortSignal) => connections.of(endpoint).check(request, signal),
    { gone: (endpoint: E) => connections.gone(endpoint) },
  );
}
