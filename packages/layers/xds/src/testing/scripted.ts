import { type AddressInfo, type Socket } from "node:net";
import { createServer, type Http2Server } from "node:http2";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type Any, anyPack } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { type Cluster, ClusterSchema } from "../generated/cluster_pb.ts";
import {
  AggregatedDiscoveryService,
  type DeltaDiscoveryRequest,
  type DeltaDiscoveryResponseSchema,
  type DiscoveryRequest,
  type DiscoveryResponseSchema,
} from "../generated/discovery_pb.ts";
import { type ClusterLoadAssignment, ClusterLoadAssignmentSchema } from "../generated/endpoint_pb.ts";
import { type Listener, ListenerSchema } from "../generated/listener_pb.ts";
import { type RouteConfiguration, RouteConfigurationSchema } from "../generated/route_pb.ts";
import { type Secret, SecretSchema } from "../generated/secret_pb.ts";
import { SecretDiscoveryService } from "../generated/secrets_pb.ts";
import { Outbox } from "../outbox.ts";

export const cds = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
export const eds = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment";

export const lds = "type.googleapis.com/envoy.config.listener.v3.Listener";
export const rds = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration";
export const sds = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret";

/** A resource of any kind. */
export type AnyResource = Cluster | ClusterLoadAssignment | Secret | Listener | RouteConfiguration;
type AnyRequest = DiscoveryRequest | DeltaDiscoveryRequest;
type Response =
  | MessageInitShape<typeof DiscoveryResponseSchema>
  | MessageInitShape<typeof DeltaDiscoveryResponseSchema>;

/** A queue that a test reads from. */
export class Arrivals<T> {
  readonly #arrived: T[] = [];
  readonly #waiting: ((one: T) => void)[] = [];

  push(one: T): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.#arrived.push(one);
    else waiting(one);
  }

  next(): Promise<T> {
    if (this.#arrived.length > 0) return Promise.resolve(this.#arrived.shift() as T);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** How many have arrived and have not been read. */
  get size(): number {
    return this.#arrived.length;
  }
}

/** One stream, from the side of the control plane. */
export class ServerStream<Req extends AnyRequest> {
  readonly requests = new Arrivals<Req>();
  readonly responses = new Outbox<Response | ConnectError>();
  /** Settles when the client has ended it or is gone. */
  readonly ended: Promise<void>;

  constructor(requests: AsyncIterable<Req>) {
    this.ended = (async () => {
      try {
        for await (const request of requests) this.requests.push(request);
      } catch {
        // The connection has broken.
      }
    })();
  }

  /** The next request of a type. */
  async next(): Promise<Req> {
    return this.requests.next();
  }

  send(response: Response): void {
    this.responses.send(response);
  }

  fail(message: string): void {
    this.responses.send(new ConnectError(message, Code.Unavailable));
  }

  end(): void {
    this.responses.close();
  }

  async *answers(): AsyncGenerator<never> {
    for await (const response of this.responses) {
      if (response instanceof ConnectError) throw response;
      yield response as never;
    }
  }
}

/** A control plane on loopback whose every answer is scripted by the test. */
export class ScriptedControlPlane {
  readonly delta = new Arrivals<ServerStream<DeltaDiscoveryRequest>>();
  readonly sotw = new Arrivals<ServerStream<DiscoveryRequest>>();
  readonly #sockets = new Set<Socket>();
  #server: Http2Server | undefined;
  readonly #path: string | undefined;
  #port: number;

  /**
   * @param address A unix socket or a port to listen on. Default: a port that the system assigns, which another program may
   *   take while the control plane is away.
   */
  constructor(address: string | number = 0) {
    this.#path = typeof address === "string" ? address : undefined;
    this.#port = typeof address === "string" ? 0 : address;
  }

  get url(): string {
    return this.#path === undefined ? `http://127.0.0.1:${this.#port}` : `unix://${this.#path}`;
  }

  async listen(): Promise<this> {
    const handler = connectNodeAdapter({
      routes: (router) => {
        router.service(AggregatedDiscoveryService, {
          deltaAggregatedResources: (requests) => this.#serve(requests, this.delta),
          streamAggregatedResources: (requests) => this.#serve(requests, this.sotw),
        });
        router.service(SecretDiscoveryService, {
          deltaSecrets: (requests) => this.#serve(requests, this.delta),
          streamSecrets: (requests) => this.#serve(requests, this.sotw),
        });
      },
    });
    const server = createServer(handler);
    this.#server = server;
    server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      if (this.#path === undefined) server.listen(this.#port, "127.0.0.1", resolve);
      else server.listen(this.#path, resolve);
    });
    if (this.#path === undefined) this.#port = (server.address() as AddressInfo).port;
    return this;
  }

  /** Ends as a killed process does: all connections break, and new ones are refused. */
  async kill(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.kill();
  }

  #serve<Req extends AnyRequest>(requests: AsyncIterable<Req>, streams: Arrivals<ServerStream<Req>>) {
    const stream = new ServerStream(requests);
    streams.push(stream);
    return stream.answers();
  }
}

export type ClusterInit = MessageInitShape<typeof ClusterSchema>;
export type AssignmentInit = MessageInitShape<typeof ClusterLoadAssignmentSchema>;

/** A cluster whose endpoints come from the control plane, too. */
export function cluster(name: string, settings: ClusterInit = {}): Cluster {
  return create(ClusterSchema, {
    name,
    clusterDiscoveryType: { case: "type", value: 3 },
    edsClusterConfig: { edsConfig: { configSourceSpecifier: { case: "ads", value: new Uint8Array() } } },
    ...settings,
  } as ClusterInit);
}

/** An endpoint: `10.0.0.7:8080`, its health and weight. */
export function endpoint(at: string, { health = 0, weight }: { health?: number; weight?: number } = {}) {
  const [, address = "", port] = /^(.*):(\d+)$/.exec(at) ?? [];
  return {
    hostIdentifier: {
      case: "endpoint" as const,
      value: {
        address: {
          address: {
            case: "socketAddress" as const,
            value: { address, portSpecifier: { case: "portValue" as const, value: Number(port) } },
          },
        },
      },
    },
    healthStatus: health,
    ...(weight !== undefined && { loadBalancingWeight: weight }),
  };
}

/** The endpoints of a cluster, in one locality. */
export function assignment(clusterName: string, ...endpoints: readonly string[]): ClusterLoadAssignment {
  return create(ClusterLoadAssignmentSchema, {
    clusterName,
    endpoints: [{ lbEndpoints: endpoints.map((at) => endpoint(at)) }],
  });
}

/** A certificate with its key, PEM. */
export function certificateSecret(
  name: string,
  { certificate, key }: { readonly certificate: string; readonly key: string },
): Secret {
  return create(SecretSchema, {
    name,
    type: {
      case: "tlsCertificate",
      value: { certificateChain: inline(certificate), privateKey: inline(key) },
    },
  });
}

/** Trusted authorities, PEM. */
export function authoritiesSecret(name: string, ca: string): Secret {
  return create(SecretSchema, {
    name,
    type: { case: "validationContext", value: { trustedCa: inline(ca) } },
  });
}

function inline(text: string) {
  return { specifier: { case: "inlineBytes" as const, value: new TextEncoder().encode(text) } };
}

export function packed(message: AnyResource): Any {
  if (message.$typeName === "envoy.config.cluster.v3.Cluster") return anyPack(ClusterSchema, message);
  if (message.$typeName === "envoy.config.endpoint.v3.ClusterLoadAssignment")
    return anyPack(ClusterLoadAssignmentSchema, message);
  if (message.$typeName === "envoy.config.listener.v3.Listener") return anyPack(ListenerSchema, message);
  if (message.$typeName === "envoy.config.route.v3.RouteConfiguration")
    return anyPack(RouteConfigurationSchema, message);
  return anyPack(SecretSchema, message);
}

function nameOf(message: AnyResource): string {
  return "clusterName" in message ? message.clusterName : message.name;
}

/** An incremental response. */
export function changes(
  version: string,
  messages: readonly AnyResource[],
  { removed = [], url }: { readonly removed?: readonly string[]; readonly url?: string } = {},
): MessageInitShape<typeof DeltaDiscoveryResponseSchema> {
  const resources = messages.map((each) => ({ name: nameOf(each), version, resource: packed(each) }));
  const typeUrl = url ?? resources[0]?.resource.typeUrl ?? "";
  return {
    systemVersionInfo: version,
    nonce: `n${version}`,
    typeUrl,
    resources,
    removedResources: [...removed],
  };
}

/** A state-of-the-world response. */
export function world(
  version: string,
  messages: readonly AnyResource[],
  url?: string,
): MessageInitShape<typeof DiscoveryResponseSchema> {
  const resources = messages.map(packed);
  return {
    versionInfo: version,
    nonce: `n${version}`,
    typeUrl: url ?? resources[0]?.typeUrl ?? "",
    resources,
  };
}
