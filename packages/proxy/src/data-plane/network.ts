import { systemClock, systemRandom } from "@pagoda/core";
import { grpcProbe, httpProbe, type Probe, tcpProbe } from "@pagoda/health";
import { transport } from "@pagoda/transport";
import type { ClusterConfig } from "../config/schema/cluster.ts";
import type { Config } from "../config/schema/config.ts";
import { defined } from "../schema/defined.ts";
import type { undiciClient } from "../undici-client.ts";
import { address } from "./address.ts";
import { Listener } from "./listener.ts";
import type { Origin } from "./origin.ts";
import type { CheckConfig, Network, OriginClient, System } from "./system.ts";
import { tlsOf, transportOptions } from "./transport-options.ts";

/** The real network. Traffic and health checks use the same clients. */
export class RealNetwork implements Network {
  readonly connects: Probe<Origin> = tcpProbe<Origin>({ address });
  #undici: typeof undiciClient | undefined;

  async load({ clusters }: Config): Promise<void> {
    if (Object.values(clusters).some(({ client }) => client === "undici"))
      this.#undici = (await import("../undici-client.ts")).undiciClient;
  }

  client(config: ClusterConfig, endpoint: Origin, files: ReadonlyMap<string, string>): OriginClient {
    const options = transportOptions(config, endpoint, files);
    if (config.client === "transport") return transport(endpoint.key, options);
    if (this.#undici === undefined) throw new Error("undici is not loaded");
    return this.#undici(endpoint.key, { ...options, ...defined({ proxy: config.proxy }) });
  }

  probe(check: CheckConfig, config: ClusterConfig, files: ReadonlyMap<string, string>): Probe<Origin> {
    switch (check.type) {
      case "tcp":
        return tcpProbe<Origin>({ address });
      case "grpc":
        return grpcProbe<Origin>({
          address: (endpoint) => ({
            ...address(endpoint),
            ...(endpoint.key.startsWith("https:") && { tls: tlsOf(config.tls, endpoint.host, files) }),
          }),
          ...defined({ service: check.service }),
        });
      case "http":
        return httpProbe<Origin>({
          call: (endpoint, atEnd) => {
            const origin = this.client(config, endpoint, files);
            atEnd(() => void origin.close());
            return origin;
          },
          path: check.path,
          expectedStatus: check.expectedStatus,
          ...defined({ host: check.host }),
        });
    }
  }
}

/** The clock, chance and network of this machine. */
export function realSystem(): System {
  return { clock: systemClock, random: systemRandom, network: new RealNetwork(), listen: Listener.open };
}
