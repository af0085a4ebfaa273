import type { Aborted, Service } from "@pagoda/core";
import type { HttpRequest, HttpResponse, TransportFault } from "@pagoda/http";
import { transport } from "@pagoda/transport";
import type { ClusterConfig } from "../config/schema/cluster.ts";
import type { Config } from "../config/schema/config.ts";
import { defined } from "../schema/defined.ts";
import type { undiciClient } from "../undici-client.ts";
import type { Origin } from "./origin.ts";
import { transportOptions } from "./transport-options.ts";

/** Calls one origin. */
export interface OriginClient extends Service<HttpRequest, HttpResponse, TransportFault | Aborted> {
  /** Lets calls in flight finish, then closes the connections. */
  close(): Promise<void>;
}

/** Makes the clients of endpoints: the same ones for traffic and for health checks. */
export class OriginClients {
  #undici: typeof undiciClient | undefined;

  /** Loads what the clusters of a configuration need. */
  async load({ clusters }: Config): Promise<void> {
    if (Object.values(clusters).some(({ client }) => client === "undici"))
      this.#undici = (await import("../undici-client.ts")).undiciClient;
  }

  of(config: ClusterConfig, endpoint: Origin, files: ReadonlyMap<string, string>): OriginClient {
    const options = transportOptions(config, endpoint, files);
    if (config.client === "transport") return transport(endpoint.key, options);
    if (this.#undici === undefined) throw new Error("undici is not loaded");
    return this.#undici(endpoint.key, { ...options, ...defined({ proxy: config.proxy }) });
  }
}
