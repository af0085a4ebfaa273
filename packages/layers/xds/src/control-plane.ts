import { create, type JsonObject } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { defined } from "./defined.ts";
import { type Node, NodeSchema } from "./generated/core_pb.ts";
import { AggregatedDiscoveryService } from "./generated/discovery_pb.ts";
import type { Settings, XdsNode } from "./options.ts";
import type { Ads } from "./session.ts";

/** A connection without a byte is checked this often: control planes forbid more. */
const pingMs = 30_000;
const pongMs = 10_000;
const connectMs = 10_000;
/** A response with 10,000 endpoints takes about 1 MiB. */
const maxBytes = 64 * 1_024 ** 2;

/** The connection to a control plane. */
export class ControlPlane {
  readonly ads: Ads;
  readonly #session: Http2SessionManager;

  constructor({ server, tls }: Pick<Settings, "server" | "tls">) {
    const { ca, certificate, key, servername } = tls ?? {};
    this.#session = new Http2SessionManager(
      server,
      { pingIntervalMs: pingMs, pingTimeoutMs: pongMs, connectTimeoutMs: connectMs },
      defined({ ca, cert: certificate, key, servername }),
    );
    const transport = createGrpcTransport({
      baseUrl: server,
      sessionManager: this.#session,
      readMaxBytes: maxBytes,
    });
    this.ads = createClient(AggregatedDiscoveryService, transport);
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
