import { connect } from "node:net";
import { create, type JsonObject } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { defined } from "./defined.ts";
import { type Node, NodeSchema } from "./generated/core_pb.ts";
import { AggregatedDiscoveryService } from "./generated/discovery_pb.ts";
import { SecretDiscoveryService } from "./generated/secrets_pb.ts";
import type { Settings, XdsNode } from "./options.ts";
import type { Discovery } from "./session.ts";

/** A connection without a byte is checked this often: control planes forbid more. */
const pingMs = 30_000;
const pongMs = 10_000;
const connectMs = 10_000;
/** A response with 10,000 endpoints takes about 1 MiB. */
const maxBytes = 64 * 1_024 ** 2;

/** The connection to a control plane. */
export class ControlPlane {
  readonly service: Discovery;
  readonly #session: Http2SessionManager;

  constructor({ server, service, tls }: Pick<Settings, "server" | "service" | "tls">) {
    const { ca, certificate, key, servername } = tls ?? {};
    const isUnix = server.startsWith("unix:");
    const path = decodeURIComponent(new URL(server).pathname);
    // The name that gRPC sends as authority over a unix socket.
    const baseUrl = isUnix ? "http://localhost" : server;
    this.#session = new Http2SessionManager(
      baseUrl,
      { pingIntervalMs: pingMs, pingTimeoutMs: pongMs, connectTimeoutMs: connectMs },
      isUnix
        ? { createConnection: () => connect(path) }
        : defined({ ca, cert: certificate, key, servername }),
    );
    const transport = createGrpcTransport({
      baseUrl,
      sessionManager: this.#session,
      readMaxBytes: maxBytes,
    });
    if (service === "sds") {
      const sds = createClient(SecretDiscoveryService, transport);
      this.service = { delta: sds.deltaSecrets, sotw: sds.streamSecrets };
    } else {
      const ads = createClient(AggregatedDiscoveryService, transport);
      this.service = { delta: ads.deltaAggregatedResources, sotw: ads.streamAggregatedResources };
    }
  }

  /** Connects, unless it is connected. @returns Why it could not; undefined if it did. */
  async connect(): Promise<unknown> {
    return (await this.#session.connect()) === "error" ? this.#session.error() : undefined;
  }

  close(): void {
    this.#session.abort();
  }
}

/** How this client introduces itself. */
export function nodeOf({ id, cluster, metadata, locality }: XdsNode): Node {
  return create(NodeSchema, {
    id,
    cluster: cluster ?? "",
    metadata: (metadata ?? {}) as JsonObject,
    locality: { ...locality },
    userAgentName: "pagoda",
  });
}
