import type { Clock } from "@pagoda/core";
import type { ApiServer, KubernetesSource } from "@pagoda/kubernetes";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import type { Environment } from "../config/environment.ts";
import type { Resolved } from "../config/resolved.ts";
import type { ClusterConfig } from "../config/schema/cluster.ts";
import { sourceOf } from "../config/sources.ts";
import type { Central } from "../data-plane/central-endpoints.ts";
import { discoveryFailed } from "../data-plane/discovery-failed.ts";
import { watchMetrics } from "./watch-metrics.ts";

export interface CentralDiscoveryOptions {
  readonly log: Logger;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly env: Environment;
  /** Called with the state of a source whenever it changes. */
  readonly changed: (central: Central) => void;
}

type Library = typeof import("@pagoda/kubernetes");
type KubernetesCluster = NonNullable<ClusterConfig["kubernetes"]>;

interface Running {
  /** See `sourceOf`. */
  readonly source: string;
  readonly cluster: KubernetesCluster;
  readonly discovery: KubernetesSource;
}

/**
 * Discovers endpoints for all workers: of sources that push their changes over a connection of
 * which one is enough, where each worker would need its own.
 */
export class CentralDiscovery {
  readonly #options: CentralDiscoveryOptions;
  /** By all that makes another source necessary. */
  readonly #running = new Map<string, Running>();

  constructor(options: CentralDiscoveryOptions) {
    this.#options = options;
    watchMetrics(options.registry, () =>
      Array.from(this.#running.values(), ({ cluster: { namespace, service, port }, discovery }) => ({
        labels: { namespace, service, port: String(port) },
        watch: discovery.watch,
      })),
    );
  }

  /** The current state of all sources. */
  get all(): readonly Central[] {
    return Array.from(this.#running.values(), stateOf);
  }

  /** Starts the sources of a configuration. Settles when each has answered or failed once. */
  async begin({ config }: Pick<Resolved, "config">): Promise<void> {
    const wanted = wantedBy(config);
    if (wanted.size === 0) return;
    // It comes with an HTTP client, which most processes do not need.
    const library = await import("@pagoda/kubernetes");
    const { tokenFile, ca: caFile } = config.kubernetes;
    const origin = config.kubernetes.server ?? library.apiServer(this.#options.env)?.origin ?? "";
    for (const [key, cluster] of wanted)
      if (!this.#running.has(key)) this.#start(key, cluster, { origin, tokenFile, caFile }, library);
    await Promise.all(Array.from(this.#running.values(), ({ discovery }) => discovery.started));
  }

  #start(key: string, cluster: KubernetesCluster, server: ApiServer, { kubernetesEndpoints }: Library): void {
    const { clock, changed } = this.#options;
    const log = this.#options.log.child({ namespace: cluster.namespace, service: cluster.service });
    const source = sourceOf({ kubernetes: cluster });
    // After a change of the API server its endpoints are probably the same.
    const before = Array.from(this.#running.values()).find((each) => each.source === source);
    let hasFailed = false;
    const discovery = kubernetesEndpoints({
      ...cluster,
      server,
      initial: before?.discovery.endpoints ?? [],
      clock,
      observer: {
        changed: () => changed(stateOf(running)),
        failed(fault) {
          hasFailed = true;
          discoveryFailed(log, fault, discovery.endpoints.length);
          changed(stateOf(running));
        },
        watching(isWatching) {
          if (isWatching && hasFailed)
            log.info({ known: discovery.endpoints.length }, "endpoint discovery works again");
          if (isWatching) hasFailed = false;
          changed(stateOf(running));
        },
      },
    });
    const running: Running = { source, cluster, discovery };
    this.#running.set(key, running);
  }

  /** Ends the sources that a configuration does not use. */
  keep({ config }: Pick<Resolved, "config">): void {
    const wanted = wantedBy(config);
    for (const [key, { discovery }] of this.#running) {
      if (wanted.has(key)) continue;
      this.#running.delete(key);
      discovery.close();
    }
  }

  close(): void {
    for (const { discovery } of this.#running.values()) discovery.close();
    this.#running.clear();
  }
}

/** The services of a configuration, by all that makes another source necessary. */
function wantedBy({
  clusters,
  kubernetes: server,
}: Resolved["config"]): ReadonlyMap<string, KubernetesCluster> {
  const wanted = new Map<string, KubernetesCluster>();
  for (const { kubernetes } of Object.values(clusters))
    if (kubernetes !== undefined) wanted.set(JSON.stringify([server, kubernetes]), kubernetes);
  return wanted;
}

function stateOf({ source, discovery }: Running): Central {
  const { endpoints, lastError } = discovery;
  // It is sent when it changes, so it must not contain the time since then.
  const {
    sinceEventMs: _event,
    sinceSuccessMs: _success,
    nextInMs: _next,
    ...facts
  } = Object(discovery.state()["kubernetes"]) as Central["state"];
  return { source, endpoints, lastError, state: { kubernetes: facts } };
}
