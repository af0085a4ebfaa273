import { type handleUnaryCall, Server, ServerCredentials } from "@grpc/grpc-js";
import { onTestFinished } from "vitest";

export interface HealthRequest {
  readonly service: string;
}

export type Check = handleUnaryCall<HealthRequest, number>;

export interface GrpcServer {
  readonly port: number;
  readonly server: Server;
  /** Connections accepted so far. */
  readonly connections: () => number;
}

/** Definition of `grpc.health.v1.Health` for grpc-js, with the two messages encoded by hand. */
const health = {
  check: {
    path: "/grpc.health.v1.Health/Check",
    requestStream: false,
    responseStream: false,
    requestSerialize: ({ service }: HealthRequest) =>
      Buffer.concat([Buffer.from([0x0a, service.length]), Buffer.from(service)]),
    requestDeserialize(bytes: Buffer): HealthRequest {
      if (bytes.length === 0) return { service: "" };
      if (bytes[0] !== 0x0a) throw new Error("field 1 was expected");
      const long = (bytes[1] ?? 0) > 0x7f;
      const length = long ? ((bytes[1] ?? 0) & 0x7f) + (bytes[2] ?? 0) * 0x80 : bytes[1];
      const name = bytes.subarray(long ? 3 : 2);
      if (name.length !== length) throw new Error("another length was expected");
      return { service: name.toString() };
    },
    responseSerialize: (status: number) => Buffer.from(status === 0 ? [] : [0x08, status]),
    responseDeserialize: (bytes: Buffer) => bytes[1] ?? 0,
  },
} as const;

/** A gRPC server whose health the test decides. */
export async function grpcServer(
  check: Check,
  credentials: ServerCredentials = ServerCredentials.createInsecure(),
): Promise<GrpcServer> {
  const peers = new Set<string>();
  const server = new Server();
  server.addService(health, {
    check(call: Parameters<Check>[0], answer: Parameters<Check>[1]) {
      peers.add(call.getPeer());
      check(call, answer);
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", credentials, (error, port) =>
      error === null ? resolve(port) : reject(error),
    );
  });
  onTestFinished(() => server.forceShutdown());
  return { port, server, connections: () => peers.size };
}
